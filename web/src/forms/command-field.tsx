import { TextField } from "../ui/fields";

export function CommandField({
  value,
  error,
  placeholder,
  onChange,
}: {
  value: string;
  error: string | undefined;
  placeholder: string;
  onChange: (value: string) => void;
}) {
  return (
    <TextField
      id="command"
      label="Command"
      hint="Split into words as a shell does; for pipes and variables use sh -c '…'"
      error={error}
      mono
      placeholder={placeholder}
      value={value}
      onChange={onChange}
    />
  );
}
