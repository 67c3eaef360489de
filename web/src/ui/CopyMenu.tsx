// SPDX-License-Identifier: Apache-2.0
// "Copy as": the same action as a command, for scripts and colleagues.

import { useEffect, useState } from "react";
import { Icon } from "./Icon";

export interface CopyChoice {
  readonly label: string;
  readonly text: string;
}

export function CopyMenu({ choices, disabled = false }: { choices: readonly CopyChoice[]; disabled?: boolean }) {
  const [copied, setCopied] = useState("");
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(""), 1600);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <div className="copy-menu" role="group" aria-label="Copy as">
      <span className="muted">Copy as</span>
      {choices.map(({ label, text }) => (
        <button
          key={label}
          type="button"
          className="link-button"
          disabled={disabled}
          title={text}
          onClick={() => void copy(text).then(() => setCopied(label))}
        >
          <Icon name={copied === label ? "check" : "copy"} size={13} />
          {label}
        </button>
      ))}
      <span className="visually-hidden" role="status">
        {copied ? `${copied} copied` : ""}
      </span>
    </div>
  );
}

/** The clipboard API exists only on secure origins; a plain-http page of another host still copies. */
export async function copy(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else works on an insecure origin
  document.execCommand("copy");
  area.remove();
}
