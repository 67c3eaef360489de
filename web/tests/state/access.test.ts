// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import type { WhoAmI } from "../../src/api/types";
import { refusal } from "../../src/state/access";

const reader: WhoAmI = {
  LoginRequired: true,
  User: "alice",
  Backend: "basic",
  Roles: ["reader"],
  Permissions: [
    { Object: "alert", Action: "read", Allowed: true },
    { Object: "alert", Action: "write", Allowed: false },
  ],
};

it("says which right is missing to whom", () => {
  expect(refusal(reader, "alert read")).toBe("");
  expect(refusal(reader, "alert write")).toBe("your roles (reader) do not have the right “alert write”: ask an administrator");
  expect(refusal({ ...reader, Roles: [] }, "alert write")).toMatch(/^you have no role with the right “alert write”/);
});

it("refuses nothing while it is not known who asks, or the server does not know the right", () => {
  expect([refusal(undefined, "alert write"), refusal(reader, "injectpacket write")]).toEqual(["", ""]);
});
