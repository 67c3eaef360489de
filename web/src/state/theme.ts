// SPDX-License-Identifier: Apache-2.0
// Light or dark: the system's wish unless the user chose.

import { storage } from "./storage";
import { Store } from "./store";

export type Theme = "light" | "dark";

const KEY = "netsonde.theme";
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

function wanted(): Theme {
  const chosen = storage.getItem(KEY);
  if (chosen === "light" || chosen === "dark") return chosen;
  return systemDark.matches ? "dark" : "light";
}

export const theme = new Store<Theme>(wanted());

function show(): void {
  document.documentElement.dataset["theme"] = theme.get();
}

export function toggleTheme(): void {
  storage.setItem(KEY, theme.get() === "dark" ? "light" : "dark");
  theme.set(wanted());
}

theme.subscribe(show);
systemDark.addEventListener("change", () => theme.set(wanted()));
show();
