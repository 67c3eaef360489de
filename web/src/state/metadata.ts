// SPDX-License-Identifier: Apache-2.0
// Reading metadata, which is whatever JSON a network made it.

import type { Json } from "../api/types";

export function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

export function textList(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

export function isBranch(value: Json | undefined): value is Json[] | Record<string, Json> {
  return typeof value === "object" && value !== null;
}
