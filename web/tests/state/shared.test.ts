// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../../src/api/http";
import { Shared } from "../../src/state/shared";

interface Named {
  readonly UUID: string;
  readonly Name: string;
}

const named = (Name: string): Named => ({ UUID: "u", Name });

/** A list that a test answers by hand, and its readings in their order. */
function answered(): { list: Shared<Named>; readings: { resolve: (list: Named[]) => void; reject: (cause: unknown) => void }[] } {
  const readings: ReturnType<typeof answered>["readings"] = [];
  const list = new Shared<Named>(() => new Promise((resolve, reject) => readings.push({ resolve, reject })));
  return { list, readings };
}

const namesIn = (list: Shared<Named>): string[] => [...list.get().byId.values()].map(({ Name }) => Name);

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it("keeps what a later reading found when an earlier one is answered after it", async () => {
  const { list, readings } = answered();
  list.read();
  list.read();
  readings[1]?.resolve([named("new")]);
  await vi.advanceTimersByTimeAsync(0);
  readings[0]?.resolve([named("old")]);
  await vi.advanceTimersByTimeAsync(0);

  expect(namesIn(list)).toEqual(["new"]);
});

it("loses no change that is told while a second reading runs", async () => {
  const { list, readings } = answered();
  list.read();
  list.read();
  readings[0]?.resolve([named("old")]);
  await vi.advanceTimersByTimeAsync(0);
  list.take([{ type: "Updated", view: named("told") }]);
  readings[1]?.resolve([named("as it was when it was asked")]);
  await vi.advanceTimersByTimeAsync(0);

  expect(namesIn(list)).toEqual(["told"]);
});

it("asks a server again that could not tell its list yet", async () => {
  const { list, readings } = answered();
  list.read();
  readings[0]?.reject(new ApiError(503, "starting"));
  await vi.advanceTimersByTimeAsync(1000);
  readings[1]?.resolve([named("there")]);
  await vi.advanceTimersByTimeAsync(0);

  expect([namesIn(list), list.get().loaded]).toEqual([["there"], true]);
});

it("does not ask again for what the user may not see, nor once the connection is lost", async () => {
  const { list, readings } = answered();
  list.read();
  readings[0]?.reject(new ApiError(403, "no right"));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(readings).toHaveLength(1);

  list.read();
  readings[1]?.reject(new ApiError(0, "the server does not answer"));
  await vi.advanceTimersByTimeAsync(0);
  list.giveUp();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(readings).toHaveLength(2);
});
