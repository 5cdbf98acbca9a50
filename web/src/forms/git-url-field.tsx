import { TextField } from "../ui/fields";

// Where a repository is.
export function GitUrlField({
  value,
  error,
  untouched = false,
  required = false,
  onChange,
}: {
  value: string;
  error?: string | null | undefined;
  untouched?: boolean; // say that somebody's own clone stays as it is
  required?: boolean;
  onChange: (value: string) => void;
}) {
  const hint = "An address that git can clone, or an absolute path on the server";
  return (
    <TextField
      id="git_url"
      label="Git URL or path"
      hint={untouched ? `${hint}. Your work tree is never touched.` : hint}
      error={error}
      required={required}
      maxLength={2048}
      placeholder="https://example.org/team/shop.git"
      value={value}
      onChange={onChange}
    />
  );
}
