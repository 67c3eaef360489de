// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { expect, it, onTestFinished, vi } from "vitest";
import { forget } from "../../src/state/drafts";
import { Session, SessionContext } from "../../src/state/session";
import WorkflowsTab from "../../src/workflows/WorkflowsTab";
import { frameOfTest } from "../rendering";

it("keeps what was typed while another tab is looked at, until the form is closed", async () => {
  vi.stubGlobal("fetch", (path: string) =>
    Promise.resolve(new Response(JSON.stringify(path === "api/whoami" ? { Roles: [], Permissions: [] } : []))),
  );
  onTestFinished(() => forget("workflow."));
  const client = new QueryClient();
  const { frame, root } = frameOfTest();
  const show = async (tab: boolean): Promise<void> => {
    await act(async () => {
      root.render(
        <QueryClientProvider client={client}>
          <SessionContext value={new Session()}>{tab ? <WorkflowsTab /> : "another tab"}</SessionContext>
        </QueryClientProvider>,
      );
      await Promise.resolve();
    });
  };
  const text = (): HTMLTextAreaElement | null => frame.querySelector("textarea");
  const press = (name: string): void => {
    const named = (one: HTMLElement): boolean => one.textContent === name || one.getAttribute("aria-label") === name;
    act(() => [...frame.querySelectorAll("button")].find(named)?.click());
  };
  await show(true);
  press("Create");
  const area = text();
  act(() => {
    if (area) Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value")?.set?.call(area, "Name: Mine");
    area?.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await show(false);
  await show(true);
  expect(text()?.value).toBe("Name: Mine");

  press("Close the form");
  expect(text()).toBeNull();
  press("Create");
  expect(text()?.value).toContain("CountInterfaces");
});
