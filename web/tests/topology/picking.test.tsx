// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { act } from "react";
import { expect, it } from "vitest";
import { pick, picked, usePicking, useRings } from "../../src/topology/picking";
import { node } from "../builders";
import { frameOfTest } from "../rendering";

const tap = node("tap", { IfIndex: 3 });
const netns = node("ns", { Type: "netns" });

function Form({ taken }: { taken: string[] }) {
  const { waits, want } = usePicking();
  useRings(["tap"]);
  const wish = { slot: "a", accepts: (one: typeof tap) => one.ID === "tap", take: (one: typeof tap) => taken.push(one.ID) };
  return <button onClick={() => want(wish)}>{waits}</button>;
}

it("gives the next node that suits to whoever waits, and none to a form that is gone", () => {
  const { frame, root } = frameOfTest();
  const taken: string[] = [];
  act(() => root.render(<Form taken={taken} />));
  expect([pick(tap), picked.get()]).toEqual([false, ["tap"]]);

  const button = frame.querySelector("button");
  act(() => button?.click());
  expect(button?.textContent).toBe("a");
  act(() => expect(pick(netns)).toBe(true));
  act(() => expect(pick(tap)).toBe(true));
  expect([taken, button?.textContent, pick(tap)]).toEqual([["tap"], "", false]);

  act(() => button?.click());
  act(() => root.unmount());
  expect([pick(tap), picked.get()]).toEqual([false, []]);
});
