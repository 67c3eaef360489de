# SPDX-License-Identifier: Apache-2.0
"""A page in a real Chromium, headless, with an empty profile; tests send it Playwright statements."""

import json
import os
import subprocess
from itertools import count
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_windows = count()


class Browser:
    """A Chromium for as many pages as are wanted, one at a time or beside each other: starting it takes longest."""

    def __init__(self, env: dict[str, str] | None = None) -> None:
        self._driver = subprocess.Popen(
            ["node", str(HERE / "driver.mjs")],
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, window: int, statements: str | None) -> dict[str, Any]:
        """Run statements in a window, which is opened when it is new; None closes it.

        Returns {"value": what they `return`} or {"error": the browser's words}. Raises AssertionError when the
        browser is gone.
        """
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps([window, statements]) + "\n")
        self._driver.stdin.flush()
        line = self._driver.stdout.readline()
        if not line:
            raise AssertionError(f"the browser is gone, at:\n{statements}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self._driver.stdin is not None
        self._driver.stdin.close()
        try:
            self._driver.wait(10)
        except subprocess.TimeoutExpired:
            self._driver.kill()
            self._driver.wait()
        assert self._driver.stdout is not None
        self._driver.stdout.close()


class Page:
    """One window with an empty profile; `run` takes JavaScript that knows `page`, `clickNode` and `complaints`.

    It starts a browser for itself where none is given.
    """

    def __init__(
        self, url: str, *, pictures: Path, browser: Browser | None = None, env: dict[str, str] | None = None
    ) -> None:
        self.url = url
        self._pictures = pictures
        self._browser = browser or Browser(env)
        self._own = browser is None
        self._window = next(_windows)

    def open(self, query: str = "") -> "Page":
        """Go to the page and wait until it is live.

        Chromium drops what it is loading when an interface of the machine comes or goes: then it loads again.
        """
        self.run(f"""for (let tries = 4; ; tries -= 1) {{
            try {{
              await page.goto({json.dumps(self.url + "/" + query)});
              await page.locator('[data-testid=link][data-state=live]').waitFor({{timeout: 8000}});
              break;
            }} catch (error) {{ if (tries <= 1) throw error; }}
        }}""")
        return self

    def run(self, statements: str) -> Any:
        """Run statements; returns what they `return`. Raises AssertionError with the browser's words."""
        answer = self._browser.ask(self._window, statements)
        if "error" in answer:
            self.picture("failure")
            raise AssertionError(f"{answer['error']}\nat:\n{statements}")
        return answer["value"]

    def wait(self, selector: str) -> None:
        self.run(f"await page.locator({json.dumps(selector)}).first().waitFor()")

    def click(self, role: str, name: str) -> None:
        where = json.dumps(role), json.dumps({"name": name, "exact": True})
        self.run(f"await page.getByRole({where[0]}, {where[1]}).click()")

    def click_node(self, node_id: str) -> None:
        wanted = json.dumps(node_id)
        # Where other tests made many nodes before this page was opened, groups begin closed.
        self.click("button", "Open all groups")
        self.run(f"await page.waitForFunction((id) => window.netsondeNodeAt(id), {wanted})")
        # One that came after the map was fitted may be beside it.
        self.click("button", "Show all")
        self.run(f"await clickNode({wanted})")

    def type_expression(self, text: str) -> None:
        """Replace the text of the editor; Escape closes the list of completions."""
        keys = json.dumps(text)
        self.run(
            f"""const editor = page.locator('.cm-content'); await editor.click();
            await page.keyboard.press('Control+a'); await page.keyboard.insertText({keys});
            await page.keyboard.press('Escape');"""
        )

    def text(self, selector: str) -> str:
        return str(self.run(f"return page.locator({json.dumps(selector)}).first().innerText()"))

    def texts(self, selector: str) -> list[str]:
        return list(self.run(f"return page.locator({json.dumps(selector)}).allInnerTexts()"))

    def picture(self, name: str) -> Path:
        target = self._pictures / f"{name}.png"
        self._browser.ask(self._window, f"await page.screenshot({{path: {json.dumps(str(target))}}})")
        return target

    def complaints(self) -> list[str]:
        """Return what the browser complained about, but for connections that it dropped itself."""
        return [text for text in self.run("return complaints") if "ERR_NETWORK_CHANGED" not in text]

    def close(self) -> None:
        if self._own:
            self._browser.close()
        else:
            self._browser.ask(self._window, None)
