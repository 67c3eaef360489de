// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { act } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Session, SessionContext } from "../../src/state/session";
import { LinkBanner } from "../../src/ui/LinkBanner";
import { frameOfTest } from "../rendering";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it("counts down to the next attempt without having the alert read out each second", () => {
  const session = new Session();
  session.link.set({ state: "stale", since: Date.now(), retryAt: Date.now() + 9000, reason: "gone" });
  const { frame, root } = frameOfTest();
  act(() =>
    root.render(
      <SessionContext value={session}>
        <LinkBanner />
      </SessionContext>,
    ),
  );
  const texts = (): (string | undefined)[] => [frame.textContent, frame.querySelector("[role=alert]")?.textContent];
  const [banner, alert] = texts();
  act(() => void vi.advanceTimersByTime(3000));

  expect(alert).toContain("gone");
  expect(texts()[0]).not.toBe(banner);
  expect(texts()[1]).toBe(alert);
});
