// SPDX-License-Identifier: Apache-2.0
// Parts of the page that are loaded when they are first shown.

import { lazy, type ComponentType } from "react";

const ATTEMPTS = 5;
const PAUSE_MS = 300;

/** Like React's lazy, but a lost connection is tried again instead of taking the page down. */
export function lazily<P extends object>(load: () => Promise<{ default: ComponentType<P> }>) {
  return lazy(() => repeated(load, ATTEMPTS));
}

async function repeated<T>(load: () => Promise<T>, attempts: number): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (attempts <= 1) throw cause;
    await new Promise((resume) => setTimeout(resume, PAUSE_MS));
    return repeated(load, attempts - 1);
  }
}
