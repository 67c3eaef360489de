// SPDX-License-Identifier: Apache-2.0
// One Chromium page, driven line by line: each line of input is a JSON string with statements to run on `page`,
// each line of output the JSON answer {value} or {error}.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: FLAGS,
});
const context = await browser.newContext({
  viewport: { width: 1440, height: 900 },
  deviceScaleFactor: Number(process.env.SCALE ?? 1),
  colorScheme: process.env.COLOURS ?? "light",
});
const page = await context.newPage();
page.setDefaultTimeout(20_000);

// What the browser complains about; a test reads it at the end.
const complaints = [];
page.on("console", (message) => {
  if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
});
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("dialog", (dialog) => {
  complaints.push(`dialog: ${dialog.message()}`);
  void dialog.dismiss();
});

/** Click a node on the canvas, which has no elements of its own. */
async function clickNode(id) {
  const spot = await page.evaluate((wanted) => window.netsondeNodeAt(wanted), id);
  if (!spot) throw new Error(`node ${id} is not on the canvas`);
  const box = await page.getByTestId("canvas").boundingBox();
  await page.mouse.click(box.x + spot.x, box.y + spot.y);
}

const Statements = Object.getPrototypeOf(async () => undefined).constructor;
for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const run = new Statements("page", "clickNode", "complaints", JSON.parse(line));
    answer = { value: (await run(page, clickNode, complaints)) ?? null };
  } catch (error) {
    answer = { error: String(error.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
