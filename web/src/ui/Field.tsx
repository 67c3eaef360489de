// SPDX-License-Identifier: Apache-2.0
// Parts of forms: a labelled control, and why a form can only be read.

import { useEffect, useRef, type ReactNode } from "react";
import { Icon } from "./Icon";
import { ErrorNote, messageOf } from "./widgets";

interface FieldProps {
  label: string;
  hint?: string | undefined;
  /** As wide as two. */
  wide?: boolean;
  children: ReactNode;
}

export function Field({ label, hint, wide = false, children }: FieldProps) {
  return (
    <label className={wide ? "field wide" : "field"}>
      <span>
        {label}
        {hint ? <span className="muted"> {hint}</span> : null}
      </span>
      {children}
    </label>
  );
}

/** What the server said of the form; brought into sight, for a long form is scrolled. */
export function FormError({ error }: { error: Error | null }) {
  const note = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (error) note.current?.scrollIntoView({ block: "nearest" });
  }, [error]);
  if (!error) return null;
  return (
    <div ref={note} className="form-error">
      <ErrorNote>{messageOf(error)}</ErrorNote>
    </div>
  );
}

/** Nothing while `reason` is "": the user may do it. */
export function Refusal({ reason }: { reason: string }) {
  if (!reason) return null;
  return (
    <p className="refusal" role="note" data-testid="refusal">
      <Icon name="alert" size={14} />
      <span>{reason}</span>
    </p>
  );
}

interface ControlProps extends Omit<FieldProps, "children"> {
  value: string;
  onChange: (value: string) => void;
}

interface NumberFieldProps extends ControlProps {
  min?: number;
  max?: number;
  /** "any" takes fractions. */
  step?: "any" | 1;
  disabled?: boolean;
}

export function NumberField({ value, onChange, min = 0, max, step = 1, disabled = false, ...field }: NumberFieldProps) {
  return (
    <Field {...field}>
      <input
        type="number"
        min={min}
        max={max}
        step={step}
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(event.target.value)}
      />
    </Field>
  );
}

interface TextFieldProps extends ControlProps {
  placeholder?: string;
  /** Code or addresses. */
  mono?: boolean;
  maxLength?: number;
}

/** One line that nobody's dictionary knows better. */
export function TextField({ value, onChange, placeholder, mono = false, maxLength, ...field }: TextFieldProps) {
  return (
    <Field {...field}>
      <input
        className={mono ? "mono" : undefined}
        value={value}
        placeholder={placeholder}
        maxLength={maxLength}
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
      />
    </Field>
  );
}
