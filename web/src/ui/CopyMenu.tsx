// SPDX-License-Identifier: Apache-2.0
// "Copy as": the same action as a command, for scripts and colleagues.

import { useEffect, useState } from "react";
import { Icon } from "./Icon";
import { tell } from "./toasts";

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
          onClick={() => void copy(text).then((done) => setCopied(done ? label : ""))}
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

/** Whether it was copied; if not, that is told. */
export async function copy(text: string): Promise<boolean> {
  const done = (await copyByApi(text)) || copyBySelection(text);
  if (!done) tell("The browser does not let this page copy", "alert", "red");
  return done;
}

/** It exists only on secure origins, and may be refused to a page in a frame. */
async function copyByApi(text: string): Promise<boolean> {
  if (!window.isSecureContext) return false;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function copyBySelection(text: string): boolean {
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else works on an insecure origin
  const done = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
