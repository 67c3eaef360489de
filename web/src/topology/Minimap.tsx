// SPDX-License-Identifier: Apache-2.0
// The overview in a corner of the map: a click or a drag moves the map there, as do the arrow keys.

import { useEffect, useRef, type KeyboardEvent, type PointerEvent } from "react";
import { Kept } from "../state/kept";
import { theme } from "../state/theme";
import type { Canvas } from "./canvas";
import type { Inks, Overview } from "./overview";

export const overviewWanted = new Kept<boolean>("netsonde.overview", (kept) => kept === true, false);

const STEP = 80;
const WAYS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [STEP, 0],
  ArrowRight: [-STEP, 0],
  ArrowUp: [0, STEP],
  ArrowDown: [0, -STEP],
};
const ZOOMS: Readonly<Record<string, number>> = { "+": 1.25, "=": 1.25, "-": 0.8 };

export function Minimap({ canvas }: { canvas: Canvas }) {
  const screen = useRef<HTMLCanvasElement>(null);
  const overview = useRef<Overview | null>(null);
  useEffect(() => {
    if (!screen.current) return undefined;
    const made = canvas.overview(screen.current, inks);
    overview.current = made;
    const forget = theme.subscribe(() => made.redraw());
    return () => {
      forget();
      made.close();
    };
  }, [canvas]);

  const look = (event: PointerEvent<HTMLElement>): void => {
    if (event.buttons !== 1) return;
    const { left, top } = event.currentTarget.getBoundingClientRect();
    overview.current?.look({ x: event.clientX - left, y: event.clientY - top });
  };
  const keys = (event: KeyboardEvent): void => {
    const way = WAYS[event.key];
    const zoom = ZOOMS[event.key];
    if (way) canvas.move(...way);
    else if (zoom !== undefined) canvas.zoomBy(zoom);
    else return;
    event.preventDefault();
  };
  return (
    <div
      className="minimap"
      role="group"
      aria-label="Overview of the map: arrow keys move it, plus and minus zoom"
      data-testid="minimap"
      tabIndex={0}
      onKeyDown={keys}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        look(event);
      }}
      onPointerMove={look}
    >
      <canvas ref={screen} aria-hidden="true" />
    </div>
  );
}

function inks(): Inks {
  const look = getComputedStyle(document.documentElement);
  const ink = (name: string): string => look.getPropertyValue(name).trim();
  return { node: ink("--muted"), frame: ink("--line-strong"), view: ink("--accent") };
}
