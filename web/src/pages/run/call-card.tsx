import {
  Check,
  ChevronRight,
  CircleX,
  FilePen,
  FilePlus2,
  FileSearch,
  Globe,
  Hand,
  ListTodo,
  LoaderCircle,
  Search,
  SquareTerminal,
  Users,
  Wrench,
} from "lucide-react";
import { memo, useState } from "react";
import { formatDuration } from "../../base/format";
import { useDisclosure } from "../../ui/use-disclosure";
import { CallBody, opensByItself } from "./call-body";
import { type CallIcon, describeCall } from "./call-title";
import { Output } from "./output";
import type { CallItem, CallPermission } from "./timeline-model";

const callIcons: Record<CallIcon, typeof Wrench> = {
  run: SquareTerminal,
  edit: FilePen,
  write: FilePlus2,
  read: FileSearch,
  search: Search,
  web: Globe,
  todo: ListTodo,
  delegate: Users,
  tool: Wrench,
};

function PermissionMark({ permission }: { permission: CallPermission }) {
  const looks = {
    asked: ["chip chip-warning", Hand, "waits for you"],
    allowed: ["chip", Check, "allowed"],
    denied: ["chip chip-bad", CircleX, "denied"],
  } as const;
  const [className, Icon, word] = looks[permission.state];
  return (
    <span className={className}>
      <Icon aria-hidden />
      {word}
    </span>
  );
}

function CallStatus({ item, live }: { item: CallItem; live: boolean }) {
  if (!item.result) {
    if (!live || item.permission?.state === "asked") return null;
    return (
      <span className="call-busy tone-running">
        <LoaderCircle aria-label="running" className="spin" />
      </span>
    );
  }
  const took = Date.parse(item.result.time) - Date.parse(item.time);
  return (
    <span className="call-took muted tabular">
      {item.result.isError ? (
        <span className="call-failed">
          <CircleX aria-hidden />
          failed
        </span>
      ) : null}
      {took >= 100 ? formatDuration(took) : null}
    </span>
  );
}

// A tool call: what it does, what it was given, what came of it.
export const CallCard = memo(function CallCard({ item, live }: { item: CallItem; live: boolean }) {
  const { icon, verb, target, note } = describeCall(item.tool, item.input);
  const Icon = callIcons[icon];
  const failed = item.result?.isError === true;
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? (failed || opensByItself(item.tool));
  const { button, body } = useDisclosure(open, setChosen);
  // An edit's or a read's result repeats what is known; it matters when it failed, or when someone opens the card.
  const quiet = ["Edit", "MultiEdit", "Write", "TodoWrite"].includes(item.tool) && !failed;
  return (
    <div className={failed ? "call card call-bad" : "call card"} data-tool={item.tool}>
      <button {...button} className="call-head">
        <Icon aria-hidden className="call-icon" />
        <span className="call-title">
          <span className="call-verb">{verb}</span> {target ? <code>{target}</code> : null}
          {note ? <span className="call-note muted">{note}</span> : null}
        </span>
        {item.permission ? <PermissionMark permission={item.permission} /> : null}
        <CallStatus item={item} live={live} />
        <ChevronRight aria-hidden className="call-chevron" />
      </button>
      <div {...body} className="call-body">
        {open ? (
          <>
            {item.permission?.state === "denied" && item.permission.text ? (
              <p className="small call-denied">{item.permission.text}</p>
            ) : null}
            <CallBody tool={item.tool} input={item.input} />
            {item.result && !quiet && item.result.text ? (
              <Output text={item.result.text} isError={item.result.isError} />
            ) : null}
            {item.result && item.result.text === "" ? <p className="muted small">No output</p> : null}
          </>
        ) : null}
      </div>
    </div>
  );
});
