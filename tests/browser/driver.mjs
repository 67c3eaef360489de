// SPDX-License-Identifier: Apache-2.0
// A Chromium, driven line by line: each line of input is JSON, [window, statements to run on its `page`], each line of
// output the JSON answer {value} or {error}. A window that is new gets a profile of its own, which is empty; null
// for statements closes it.

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

/** A window with an empty profile, and what the browser complains about there; a test reads it at the end. */
async function open() {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    deviceScaleFactor: Number(process.env.SCALE ?? 1),
    colorScheme: process.env.COLOURS ?? "light",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { context, page, complaints, clickNode: (id) => clickNode(page, id) };
}

/** Click a node on the canvas, which has no elements of its own. */
async function clickNode(page, id) {
  const spot = await page.evaluate((wanted) => window.netsondeNodeAt(wanted), id);
  if (!spot) throw new Error(`node ${id} is not on the canvas`);
  const box = await page.getByTestId("canvas").boundingBox();
  await page.mouse.click(box.x + spot.x, box.y + spot.y);
}

const Statements = Object.getPrototypeOf(async () => undefined).constructor;
const windows = new Map();

async function answer(name, statements) {
  if (statements === null) {
    await windows.get(name)?.context.close();
    windows.delete(name);
    return null;
  }
  if (!windows.has(name)) windows.set(name, await open());
  const { page, complaints, clickNode: click } = windows.get(name);
  return (await new Statements("page", "clickNode", "complaints", statements)(page, click, complaints)) ?? null;
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = { value: await answer(...JSON.parse(line)) };
  } catch (error) {
    said = { error: String(error.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
await browser.close();
