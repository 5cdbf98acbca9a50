import type { Draft } from "./draft";

const choices = [
  [
    "workspace",
    "Allow inside the workspace",
    "The agent edits and runs what it wants in there. The sandbox holds it.",
  ],
  ["ask", "Ask me first", "Edits and commands wait for your yes or no."],
] as const;

export function PermissionsField({
  draft,
  onChange,
}: {
  draft: Draft;
  onChange: (changes: Partial<Draft>) => void;
}) {
  return (
    <fieldset className="permissions">
      <legend className="field-label">Permissions</legend>
      {choices.map(([value, label, text]) => (
        <label key={value} className="permission">
          <input
            type="radio"
            name="permissions"
            value={value}
            checked={draft.permissions === value}
            onChange={() => onChange({ permissions: value })}
          />
          <span>
            <strong>{label}</strong>
            <span className="muted small">{text}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
