# SPDX-License-Identifier: Apache-2.0
"""How the page bears large networks: a synthetic data centre, brought in through the API, shown in Chromium.

For each size: seconds from opening the page until the map is drawn, frames a second while the map is panned and
zoomed (as it opens, and with its hosts open where that is allowed), the longest pause of the main thread while nodes
change, and the page's memory. Needs Chromium and the built page. `--sizes 1000,5000` for others.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from data_centre import data_centre

from browser.page import Page
from netsonde.graph.ids import stable_id
from system.stack import Stack

SIZES = (1_000, 5_000, 20_000)
BATCH = 4_000
"""Elements of one request."""
SECONDS = 3
"""For which the map is panned."""

# Moves what is seen a little at each frame, as a hand does; returns frames a second and the longest time for one.
PAN = """
return await page.evaluate(async (seconds) => {
  const canvas = document.querySelector('[data-testid=canvas]');
  const box = canvas.getBoundingClientRect();
  const at = (dx, dy) => ({clientX: box.x + box.width / 2 + dx, clientY: box.y + box.height / 2 + dy, bubbles: true});
  const target = canvas.querySelector('canvas[data-id="layer0-selectbox"]') ?? canvas.firstElementChild;
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const began = performance.now();
  let frames = 0, longest = 0, before = began;
  while (performance.now() - began < seconds * 1000) {
    const phase = frames / 12;
    target.dispatchEvent(new WheelEvent('wheel', {...at(40 * Math.sin(phase), 0), deltaY: 24 * Math.cos(phase)}));
    await frame();
    const now = performance.now();
    longest = Math.max(longest, now - before);
    before = now;
    frames += 1;
  }
  return {fps: frames / ((before - began) / 1000), longest};
}, SECONDS)
""".replace("SECONDS", str(SECONDS))

PAUSES = """
return await page.evaluate(async (seconds) => {
  let longest = 0;
  const seen = new PerformanceObserver((list) => {
    for (const one of list.getEntries()) longest = Math.max(longest, one.duration);
  });
  seen.observe({entryTypes: ['longtask']});
  await new Promise((done) => setTimeout(done, seconds * 1000));
  seen.disconnect();
  return longest;
}, SECONDS)
""".replace("SECONDS", str(SECONDS))

MEMORY = """
const devtools = await page.context().newCDPSession(page);
await devtools.send('HeapProfiler.collectGarbage');
const {usedSize} = await devtools.send('Runtime.getHeapUsage');
await devtools.detach();
return usedSize;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="nodes, one number or more")
    wanted = parser.parse_args()
    for size in map(int, wanted.sizes.split(",")):
        with tempfile.TemporaryDirectory() as directory:
            stack = Stack(Path(directory) / "state")
            stack.start()
            try:
                measure(stack, size, Path(directory))
            finally:
                stack.stop()


def measure(stack: Stack, size: int, pictures: Path) -> None:
    load(stack, size)
    page = Page(stack.url, pictures=pictures)
    try:
        page.run("globalThis.began = Date.now()")
        page.open()
        host = json.dumps(stable_id("m0", "host", "h0"))
        page.run(f"await page.waitForFunction((id) => window.netsondeNodeAt(id), {host})")
        page.run("await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))))")
        first = page.run("return (Date.now() - globalThis.began) / 1000")
        shown = page.text("[data-testid=map-note]")
        closed = page.run(PAN)
        with_changes = changing(stack, page)
        memory = page.run(MEMORY) / 2**20
        print(f"{size:>7,} nodes: {first:.1f} s to the first picture ({shown})")
        print(f"        panned: {closed['fps']:.0f} frames/s, longest {closed['longest']:.0f} ms")
        print(f"        20 changes a second: longest pause {with_changes:.0f} ms; memory {memory:.0f} MiB")
        opened = page.run(
            "const began = Date.now(); await page.getByRole('button', {name: 'Open all groups'}).click();"
            "await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));"
            "return (Date.now() - began) / 1000"
        )
        everything = page.run(PAN)
        print(f"        all groups opened in {opened:.1f} s: {everything['fps']:.0f} frames/s", end="")
        print(f", longest {everything['longest']:.0f} ms; {page.text('[data-testid=map-note]')}", flush=True)
    finally:
        page.close()


def load(stack: Stack, size: int) -> None:
    hosts = max(1, size // 99)
    nodes, edges = data_centre(hosts)
    for batch in batches([{"ID": id_, "Host": host, "Metadata": metadata} for id_, host, metadata in nodes]):
        stack.call("POST", "/api/import/bench", {"Nodes": batch})
    links = [
        {"ID": f"{parent}-{child}-{number}", "Host": host, "Parent": parent, "Child": child, "Metadata": metadata}
        for number, (parent, child, host, metadata) in enumerate(edges)
    ]
    for batch in batches(links):
        stack.call("POST", "/api/import/bench", {"Edges": batch})


def batches(elements: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(elements), BATCH):
        yield elements[start : start + BATCH]


def changing(stack: Stack, page: Page) -> float:
    """Return the longest pause (ms) of the main thread while 20 nodes a second change."""
    script = f"""
      const headers = {{'Content-Type': 'application/json'}};
      const changes = (async () => {{
        for (let number = 0; number < {SECONDS * 20}; number += 1) {{
          const name = `bench-${{number % 10}}`;
          const node = {{ID: name, Metadata: {{Name: name, Type: 'device', Round: number}}}};
          const body = JSON.stringify({{Nodes: [node]}});
          await fetch({json.dumps(stack.url + "/api/import/changes")}, {{method: 'POST', body, headers}});
          await new Promise((done) => setTimeout(done, 50));
        }}
      }})();
      const watched = (async () => {{ {PAUSES} }})();
      await changes;
      return await watched;
    """
    return float(page.run(script))


if __name__ == "__main__":
    main()
