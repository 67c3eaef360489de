// SPDX-License-Identifier: Apache-2.0
// Two columns with a bar between them, moved by mouse or arrow keys and remembered.

import { useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { storage } from "../state/storage";

const KEY = "netsonde.split";
const NARROWEST = 25;
const WIDEST = 75;
const DEFAULT = 48;

function remembered(): number {
  const share = Number(storage.getItem(KEY));
  return share >= NARROWEST && share <= WIDEST ? share : DEFAULT;
}

export function SplitPane({ left, right }: { left: ReactNode; right: ReactNode }) {
  const [share, setShare] = useState(remembered);
  const frame = useRef<HTMLDivElement>(null);
  const move = (wanted: number): void => {
    const next = Math.round(Math.min(WIDEST, Math.max(NARROWEST, wanted)) * 10) / 10;
    setShare(next);
    storage.setItem(KEY, String(next));
  };
  const drag = (event: PointerEvent<HTMLDivElement>): void => {
    const box = frame.current?.getBoundingClientRect();
    if (box && event.buttons === 1) move(((event.clientX - box.left) / box.width) * 100);
  };
  const keys = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
    if (!by) return;
    event.preventDefault();
    move(share + by);
  };
  return (
    <main className="columns" ref={frame} style={{ gridTemplateColumns: `${share}fr 7px ${100 - share}fr` }}>
      {left}
      <div
        className="divider"
        role="separator"
        tabIndex={0}
        aria-orientation="vertical"
        aria-label="Width of the map"
        aria-valuenow={share}
        aria-valuemin={NARROWEST}
        aria-valuemax={WIDEST}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag}
        onKeyDown={keys}
      />
      {right}
    </main>
  );
}
