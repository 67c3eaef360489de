// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { hexLines } from "../../src/inspector/hex";
import { counterTotals, rates } from "../../src/inspector/rates";

it("dumps bytes in lines of sixteen", () => {
  const lines = hexLines(btoa("GET / HTTP/1.1\r\n\x00<b>"));

  expect(lines.map((line) => line.offset)).toEqual(["0000", "0010"]);
  expect(lines[0]?.characters).toBe("GET / HTTP/1.1··");
  expect(lines[1]?.characters).toBe("·<b>");
});

it("shows nothing for what is no base64", () => {
  expect(hexLines("%%%")).toEqual([]);
});

it("turns deltas into rates and leaves out intervals without length", () => {
  const series = rates(
    [
      { Start: 0, Last: 2000, RxBytes: 500, TxBytes: 250 },
      { Start: 2000, Last: 4000, RxBytes: 1000 },
      { Start: 4000, Last: 4000, RxBytes: 9 },
    ],
    "bits",
  );

  expect(series).toEqual({ times: [2, 4], received: [2000, 4000], sent: [1000, 0] });
});

it("adds up counters that moved", () => {
  expect(counterTotals([{ Start: 0, Last: 1, RxBytes: 3, TxErrors: 0 }, { Start: 1, Last: 2, RxBytes: 4 }])).toEqual([
    ["RxBytes", 7],
  ]);
});
