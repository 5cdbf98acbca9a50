// The usual fields: a label, one control, what is said about it.
import type { ComponentProps, ReactNode } from "react";
import { Field } from "./field";

interface Said<T extends string> {
  id: string;
  label: ReactNode;
  hint?: ReactNode;
  error?: string | null | undefined;
  value: T;
  onChange: (value: T) => void;
}

type Own = "id" | "label" | "value" | "onChange" | "className";

export function TextField({
  id,
  label,
  hint,
  error,
  onChange,
  mono = false,
  ...rest
}: Said<string> & { mono?: boolean } & Omit<ComponentProps<"input">, Own>) {
  return (
    <Field id={id} label={label} hint={hint} error={error}>
      {(aria) => (
        <input
          {...rest}
          {...aria}
          className={mono ? "input mono-input" : "input"}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

export function AreaField({
  id,
  label,
  hint,
  error,
  onChange,
  className = "",
  ...rest
}: Said<string> & { className?: string } & Omit<ComponentProps<"textarea">, Own>) {
  return (
    <Field id={id} label={label} hint={hint} error={error}>
      {(aria) => (
        <textarea
          {...rest}
          {...aria}
          className={className ? `input ${className}` : "input"}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

export type Options = readonly (readonly [value: string, label: string])[];

export function SelectField({
  id,
  label,
  hint,
  error,
  value,
  options,
  onChange,
}: Said<string> & { options: Options }) {
  return (
    <Field id={id} label={label} hint={hint} error={error}>
      {(aria) => (
        <select {...aria} className="input" value={value} onChange={(event) => onChange(event.target.value)}>
          {options.map(([one, text]) => (
            <option key={one} value={one}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
