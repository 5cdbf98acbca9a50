import { plural } from "../../base/format";
import { Dialog } from "../../ui/dialog";

const shownLines = 12;

// Asks before a paste that the program would take for typing, every line end an Enter.
export function PasteDialog({
  text,
  onPaste,
  onClose,
}: {
  text: string;
  onPaste: (text: string) => void;
  onClose: () => void;
}) {
  const lines = text.replace(/[\r\n]+$/, "").split(/\r\n|\r|\n/);
  const answer = (pasted: string) => {
    onClose();
    onPaste(pasted);
  };
  return (
    <Dialog title={`Paste ${plural(lines.length, "line")}?`} onClose={onClose} wide>
      <p>The program in this terminal takes each line end for an Enter: every line runs at once.</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre className="paste-text" tabIndex={0}>
        {lines.slice(0, shownLines).join("\n")}
        {lines.length > shownLines ? `\n… and ${plural(lines.length - shownLines, "more line")}` : ""}
      </pre>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          Do not paste
        </button>
        <button type="button" className="button" onClick={() => answer(lines.join(" "))}>
          Paste as one line
        </button>
        <button type="button" className="button button-primary" onClick={() => answer(text)}>
          Paste
        </button>
      </div>
    </Dialog>
  );
}
