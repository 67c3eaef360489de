// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { expect, it, vi } from "vitest";
import { CheckResults } from "../../src/checks/CheckResults";
import { withNews } from "../../src/state/checks";
import { Session, SessionContext } from "../../src/state/session";
import { frameOfTest } from "../rendering";

it("keeps no answers but the last while news come in", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("[]")));
  const session = new Session();
  const client = new QueryClient();
  const { root } = frameOfTest();
  await act(() => {
    root.render(
      <QueryClientProvider client={client}>
        <SessionContext.Provider value={session}>
          <CheckResults uuid="u1" />
        </SessionContext.Provider>
      </QueryClientProvider>,
    );
    return Promise.resolve();
  });

  for (let at = 0; at < 3; at++) {
    await act(() => {
      session.checkNews.set(withNews(session.checkNews.get(), [{ type: "Result", uuid: "u1" }]));
      return Promise.resolve();
    });
  }

  await vi.waitFor(() => {
    expect(client.getQueryCache().getAll().map((query) => query.queryKey)).toEqual([["check-results", "u1", 3]]);
  });
  act(() => root.unmount());
});
