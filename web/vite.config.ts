// SPDX-License-Identifier: Apache-2.0
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` sends API calls: a server that is already running.
const server = process.env["NETSONDE_URL"] ?? "http://127.0.0.1:8082";

export default defineConfig({
  base: "./",
  plugins: [react()],
  build: {
    outDir: "../src/netsonde/api/page",
    emptyOutDir: true,
    // The server's content policy allows nothing inline, pictures included.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
  },
  worker: { format: "es" },
  server: { proxy: { "/api": server, "/ws": { target: server, ws: true } } },
  // Files share what they import, and a window for those that need one: made anew for each file, that is six sevenths
  // of the time of a run.
  test: { include: ["tests/**/*.test.{ts,tsx}"], testTimeout: 2000, isolate: false, unstubGlobals: true },
});
