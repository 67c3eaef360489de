// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { expect, it, vi } from "vitest";
import { BehindLogin } from "../../src/ui/Login";
import { frameOfTest } from "../rendering";

/** Milliseconds; what is waited for comes at once. */
const PATIENCE = 20_000;

it("shows nothing of what one user saw to another, who logged in beside them in another tab", async () => {
  const reload = vi.spyOn(window.location, "reload").mockImplementation(() => undefined);
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  const is = (user: string): void => {
    client.setQueryData(["whoami"], { LoginRequired: true, User: user, Backend: "", Roles: [], Permissions: [] });
  };
  const { frame, root } = frameOfTest();
  is("alice");
  await act(async () => {
    root.render(
      <QueryClientProvider client={client}>
        <BehindLogin>what alice asked</BehindLogin>
      </QueryClientProvider>,
    );
    await Promise.resolve();
  });
  expect(frame.textContent).toBe("what alice asked");

  await act(() => vi.waitFor(() => is(""), PATIENCE));
  await vi.waitFor(() => expect(frame.querySelector("form")).not.toBeNull(), PATIENCE);
  expect(reload).not.toHaveBeenCalled();

  await act(() => vi.waitFor(() => is("bob"), PATIENCE));
  await vi.waitFor(() => expect(reload).toHaveBeenCalledOnce(), PATIENCE);
  expect(frame.textContent).toBe("");
  reload.mockRestore();
}, PATIENCE);
