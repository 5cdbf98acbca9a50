import { Check, Hand, X } from "lucide-react";
import type { FormEvent } from "react";
import type { Approval } from "../../api/types";
import { Ago } from "../../ui/elapsed";
import { ProblemNotice } from "../../ui/problem-notice";
import { CallBody } from "./call-body";
import { describeCall } from "./call-title";
import { StepApproval } from "./step-approval";
import { useDecision } from "./use-decision";

// A tool call that waits for a person.
function ToolApproval({ approval, onDecided }: { approval: Approval; onDecided: () => void }) {
  const { message, setMessage, decided, error, decide } = useDecision(approval, onDecided);
  const { verb, target } = describeCall(approval.tool, approval.input);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void decide("deny");
  };
  return (
    <section
      className="approval"
      aria-label={`The agent asks: ${verb} ${target}`}
      data-approval={approval.id}
    >
      <div className="approval-head">
        <Hand aria-hidden />
        <h2>
          The agent asks to {verb.toLowerCase()} {target ? <code>{target}</code> : null}
        </h2>
        <span className="muted small">
          <Ago time={approval.requested_at} />
        </span>
      </div>
      <CallBody tool={approval.tool} input={approval.input} />
      {error ? <ProblemNotice error={error} /> : null}
      <form className="approval-actions" onSubmit={submit}>
        <button
          type="button"
          className="button button-primary"
          disabled={decided !== null}
          onClick={() => void decide("allow", "")}
        >
          <Check aria-hidden />
          {decided === "allow" ? "Allowed" : "Allow"}
        </button>
        <span className="approval-deny">
          <input
            className="input"
            aria-label="What to tell the agent when you deny"
            placeholder="Tell the agent why, or what to do instead"
            value={message}
            maxLength={10_000}
            onChange={(event) => setMessage(event.target.value)}
          />
          <button type="submit" className="button button-danger" disabled={decided !== null}>
            <X aria-hidden />
            {decided === "deny" ? "Denied" : "Deny"}
          </button>
        </span>
      </form>
    </section>
  );
}

export function ApprovalCards({ approvals, onDecided }: { approvals: Approval[]; onDecided: () => void }) {
  return approvals.map((approval) => {
    const Card = approval.tool === "" ? StepApproval : ToolApproval;
    return <Card key={approval.id} approval={approval} onDecided={onDecided} />;
  });
}
