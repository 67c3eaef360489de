// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { act } from "react";
import { expect, it } from "vitest";
import { MetadataTree } from "../../src/inspector/MetadataTree";
import { frameOfTest } from "../rendering";

const HOSTILE = "<img src=x onerror=alert(1)>";

it("shows metadata as text, keys and values alike", () => {
  const { frame, root } = frameOfTest();
  const data = { [HOSTILE]: HOSTILE, Labels: { [HOSTILE]: [HOSTILE] } };

  act(() => root.render(<MetadataTree data={data} />));

  expect(frame.querySelector("img")).toBeNull();
  expect(frame.textContent.split(HOSTILE)).toHaveLength(5);
});

it("shows a very long list in portions", () => {
  const { frame, root } = frameOfTest();
  const routes = Array.from({ length: 450 }, (_, at) => ({ Prefix: at }));
  act(() => root.render(<MetadataTree data={{ Routes: routes }} />));
  act(() => frame.querySelector("button")?.click());
  const rows = (): number => frame.querySelectorAll(".tree-branch").length;
  expect(rows()).toBe(201);

  const more = [...frame.querySelectorAll("button")].find((one) => one.textContent.includes("more of"));
  act(() => more?.click());
  expect(rows()).toBe(401);
}, 20_000);
