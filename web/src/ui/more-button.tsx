// Shows the rest of a text that begins short.
export function MoreButton({
  open,
  more,
  less,
  onChange,
}: {
  open: boolean;
  more: string;
  less: string;
  onChange: (open: boolean) => void;
}) {
  return (
    <button type="button" className="link-button small" aria-expanded={open} onClick={() => onChange(!open)}>
      {open ? less : more}
    </button>
  );
}
