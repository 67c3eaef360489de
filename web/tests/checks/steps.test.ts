// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { chosenSteps, OFFERS } from "../../src/checks/steps";

test("steps come in the order of the offers, with the parameter of each", () => {
  const steps = chosenSteps(
    new Map([
      ["tcp", "10.0.0.1:80"],
      ["dhcp", ""],
    ]),
  );
  expect(steps).toEqual([
    { Type: "dhcp", Within: 0, Parameters: {} },
    { Type: "tcp", Within: 0, Parameters: { Target: "10.0.0.1:80" } },
  ]);
});

test("nothing that was not chosen is sent", () => {
  expect(chosenSteps(new Map())).toEqual([]);
  expect(OFFERS.every((offer) => chosenSteps(new Map([[offer.type, offer.value]])).length === 1)).toBe(true);
});
