// SPDX-License-Identifier: Apache-2.0
// Small building blocks: buttons, tabs, empty states.

import type { ButtonHTMLAttributes, KeyboardEvent, ReactNode } from "react";
import { useEffect, useRef } from "react";
import { Icon, type IconName } from "./Icon";

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  icon: IconName;
  label: string;
}

/** A button that is only a pictogram; its label is the tooltip and what a screen reader says. */
export function IconButton({ icon, label, className = "", ...rest }: IconButtonProps) {
  return (
    <button type="button" className={`icon-button ${className}`} title={label} aria-label={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  icon?: IconName;
  primary?: boolean;
}

export function Button({ icon, primary = false, children, className = "", ...rest }: ButtonProps) {
  return (
    <button type="button" className={`button ${primary ? "primary" : ""} ${className}`} {...rest}>
      {icon ? <Icon name={icon} size={15} /> : null}
      {children}
    </button>
  );
}

export interface TabItem<T extends string> {
  readonly id: T;
  readonly label: ReactNode;
}

interface TabsProps<T extends string> {
  label: string;
  items: readonly TabItem<T>[];
  chosen: T;
  onChoose: (id: T) => void;
  small?: boolean;
}

/** Tabs with the arrow keys of the ARIA pattern; the panel is the caller's. */
export function Tabs<T extends string>({ label, items, chosen, onChoose, small = false }: TabsProps<T>) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    bar.current?.querySelector(`[data-tab="${chosen}"]`)?.scrollIntoView({ inline: "nearest", block: "nearest" });
  }, [chosen]);
  const step = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by === 0) return;
    const at = items.findIndex((item) => item.id === chosen);
    const next = items[(at + by + items.length) % items.length];
    if (!next) return;
    event.preventDefault();
    onChoose(next.id);
    bar.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <div className={small ? "tabs small" : "tabs"} role="tablist" aria-label={label} ref={bar} onKeyDown={step}>
      {items.map((item) => (
        <button
          key={item.id}
          type="button"
          role="tab"
          data-tab={item.id}
          aria-selected={item.id === chosen}
          tabIndex={item.id === chosen ? 0 : -1}
          onClick={() => onChoose(item.id)}
        >
          {item.label}
        </button>
      ))}
    </div>
  );
}

export function EmptyState({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <span className="empty-icon">
        <Icon name={icon} size={22} />
      </span>
      <p className="empty-title">{title}</p>
      {children ? <div className="empty-text">{children}</div> : null}
    </div>
  );
}

export function ErrorNote({ children }: { children: ReactNode }) {
  return (
    <p className="error-note" role="alert">
      <Icon name="alert" size={15} />
      <span>{children}</span>
    </p>
  );
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
