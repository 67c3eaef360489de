// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { firing, inOrder, isMuted } from "../../src/state/alerts";
import { changed, nothing, received, requested, unread } from "../../src/state/listing";
import type { AlertView } from "../../src/api/types";
import { alert } from "../resources";

const none = nothing<AlertView>();

it("shows first what fires, the latest first, then what is about to, then the rest by name", () => {
  const state = received(none, [
    alert("b"),
    alert("a", { State: "resolved", Since: 9 }),
    alert("old", { State: "firing", Since: 1 }),
    alert("new", { State: "firing", Since: 2 }),
    alert("soon", { State: "pending", Since: 9 }),
  ]);

  expect(inOrder(state).map((one) => one.UUID)).toEqual(["new", "old", "soon", "a", "b"]);
  expect(firing(state)).toBe(2);
});

it("lets pushes win over a list that was read meanwhile", () => {
  let state = changed(requested(none), [{ type: "Updated", view: alert("a", { Name: "new" }) }]);
  state = changed(state, [{ type: "Deleted", view: alert("b") }]);
  state = received(state, [alert("a", { Name: "old" }), alert("b"), alert("c")]);

  expect([...state.byId.values()].map((one) => one.Name)).toEqual(["new", "c"]);
  expect(state).toMatchObject({ loaded: true, meanwhile: null });
});

it("keeps no pushes for a list that could not be read", () => {
  const state = changed(unread(requested(none)), [{ type: "Added", view: alert("a") }]);

  expect(state.meanwhile).toBeNull();
  expect(state.byId.size).toBe(1);
});

it("is muted until its time", () => {
  expect([isMuted(alert("a", { MutedUntil: 5 }), 4), isMuted(alert("a", { MutedUntil: 5 }), 5)]).toEqual([true, false]);
});
