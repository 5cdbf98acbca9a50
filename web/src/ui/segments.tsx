import type { ReactNode } from "react";
import "./segments.css";

// One of a few: radio buttons that look like one bar.
export function Segments<T extends string>({
  legend,
  name,
  options,
  value,
  labelled = false,
  className = "",
  onChange,
}: {
  legend: string;
  name: string; // of the radio group: unique on the page
  options: readonly (readonly [value: T, label: ReactNode])[];
  value: T;
  labelled?: boolean; // the legend is seen, as a field's label is; otherwise only read out
  className?: string;
  onChange: (value: T) => void;
}) {
  return (
    <fieldset
      className={`segments${labelled ? " segments-labelled" : ""}${className ? ` ${className}` : ""}`}
    >
      <legend className={labelled ? "field-label" : "visually-hidden"}>{legend}</legend>
      {options.map(([one, label]) => (
        <label key={one} className="segment">
          <input
            type="radio"
            name={name}
            value={one}
            checked={value === one}
            onChange={() => onChange(one)}
          />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
