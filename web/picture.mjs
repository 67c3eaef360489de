// SPDX-License-Identifier: Apache-2.0
// Takes the picture of the README: an interface is selected, its flows and first packets are shown.
//
//   node web/picture.mjs http://127.0.0.1:8082 tap0 docs/page.png [light|dark]
//
// The server must run, with a capture on that interface (`make demo` leaves one).

import { chromium } from "playwright-core";

const [url, name, target, colours = "light"] = process.argv.slice(2);
if (!target) {
  process.stderr.write("usage: node web/picture.mjs URL INTERFACE FILE.png [light|dark]\n");
  process.exit(2);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
});
const page = await browser.newPage({
  viewport: { width: 1440, height: 900 },
  deviceScaleFactor: 1.5,
  colorScheme: colours,
});
await page.goto(url);
await page.locator("[data-testid=link][data-state=live]").waitFor();
await page.getByRole("combobox", { name: "Search nodes" }).fill(name);
await page.getByRole("option").first().waitFor();
await page.keyboard.press("Enter");
await page.locator("[data-testid=packets] .table-row").first().waitFor();
await page.locator("[data-testid=flows] .table-row").first().waitFor();
// What matters most comes first: the pings of a machine that has run for a while are many.
await page.getByTestId("flows").getByRole("columnheader", { name: "Bytes" }).click();
// The node that was searched for shines for a while.
await page.waitForTimeout(2500);
await page.getByRole("button", { name: "Show all" }).click();
await page.mouse.move(400, 60);
await page.screenshot({ path: target });
await browser.close();
