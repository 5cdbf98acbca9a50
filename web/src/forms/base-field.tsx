import { TextField } from "../ui/fields";

// The branch to begin from.
export function BaseField({
  value,
  error,
  onChange,
}: {
  value: string;
  error: string | undefined;
  onChange: (value: string) => void;
}) {
  return (
    <TextField
      id="base"
      label="Base branch"
      error={error}
      placeholder="the project's default"
      value={value}
      onChange={onChange}
    />
  );
}
