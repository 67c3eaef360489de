// SPDX-License-Identifier: Apache-2.0
// Short news at the edge of the page, such as the first match of a capture that was waiting.

import { useEffect } from "react";
import { Store, useStore } from "../state/store";
import { Icon, type IconName } from "./Icon";

interface Toast {
  readonly id: number;
  readonly icon: IconName;
  readonly tone: string;
  readonly text: string;
}

const toasts = new Store<readonly Toast[]>([]);
let lastId = 0;

export function tell(text: string, icon: IconName = "check", tone = "green"): void {
  lastId += 1;
  toasts.set([...toasts.get().slice(-3), { id: lastId, icon, tone, text }]);
}

export function Toasts() {
  const shown = useStore(toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <ToastLine key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function ToastLine({ toast }: { toast: Toast }) {
  useEffect(() => {
    const timer = setTimeout(() => toasts.set(toasts.get().filter((other) => other.id !== toast.id)), 6000);
    return () => clearTimeout(timer);
  }, [toast.id]);
  return (
    <p className={`toast tone-${toast.tone}`}>
      <Icon name={toast.icon} />
      <span>{toast.text}</span>
    </p>
  );
}
