import { Check, Hand, Users, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import type { Approval } from "../../api/types";
import { shortActor } from "../../base/format";
import { Ago } from "../../ui/elapsed";
import { Markdown } from "../../ui/markdown";
import { ProblemNotice } from "../../ui/problem-notice";
import { TimeLeft } from "./steps/step-panel";
import { useDecision } from "./use-decision";

// A step of the kind "approval" asks: a message, perhaps choices, perhaps only some people, perhaps until a time.
export function StepApproval({ approval, onDecided }: { approval: Approval; onDecided: () => void }) {
  const { choices, approvers } = approval;
  const [choice, setChoice] = useState("");
  const { message, setMessage, decided, error, decide } = useDecision(approval, onDecided);
  const missing = choices.length > 0 && choice === "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void decide("allow", message, choice);
  };
  return (
    <section
      className="approval"
      aria-label={`The step ${approval.step} asks for a decision`}
      data-approval={approval.id}
    >
      <div className="approval-head">
        <Hand aria-hidden />
        <h2>
          The step <code>{approval.step}</code> asks
        </h2>
        <span className="muted small">
          {approval.until ? <TimeLeft until={approval.until} /> : <Ago time={approval.requested_at} />}
        </span>
      </div>
      <Markdown text={approval.text} />
      {approvers.length > 0 ? (
        <p className="approval-who small">
          <Users aria-hidden /> May decide: {approvers.map(shortActor).join(", ")}
        </p>
      ) : null}
      <form className="approval-form" onSubmit={submit}>
        {choices.length > 0 ? (
          <fieldset className="approval-choices">
            <legend className="field-label">Choose one to approve</legend>
            {choices.map((one) => (
              <label key={one} className="approval-choice">
                <input
                  type="radio"
                  name={`choice-${approval.id}`}
                  value={one}
                  checked={choice === one}
                  onChange={() => setChoice(one)}
                />
                {one}
              </label>
            ))}
          </fieldset>
        ) : null}
        {error ? <ProblemNotice error={error} /> : null}
        <div className="approval-actions">
          <input
            className="input approval-message"
            aria-label="A message with the decision"
            placeholder="Say why (optional)"
            value={message}
            maxLength={10_000}
            onChange={(event) => setMessage(event.target.value)}
          />
          <button type="submit" className="button button-primary" disabled={decided !== null || missing}>
            <Check aria-hidden />
            {decided === "allow" ? "Approved" : "Approve"}
          </button>
          <button
            type="button"
            className="button button-danger"
            disabled={decided !== null}
            onClick={() => void decide("deny")}
          >
            <X aria-hidden />
            {decided === "deny" ? "Denied" : "Deny"}
          </button>
        </div>
      </form>
    </section>
  );
}
