// SPDX-License-Identifier: Apache-2.0
// Parts of forms: a labelled control, and why a form can only be read.

import type { ReactNode } from "react";
import { Icon } from "./Icon";

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
