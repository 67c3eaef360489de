# SPDX-License-Identifier: Apache-2.0
"""Other people's programs as `tools/foreign` installed them."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
INSTALLED = ROOT / "build" / "foreign"
PYTHON = INSTALLED / "python" / "bin" / "python"
OLD_PAGE = INSTALLED / "node_modules" / "@skydive-project" / "skydive-ui" / "dist"


class Refused(Exception):
    """The client raised; the text begins with the class of its exception."""


class PythonClient:
    """The reference's Python client in a process of its own; `call` is a method of its RESTClient."""

    def __init__(self, address: str, username: str = "", password: str = "") -> None:
        self._process = subprocess.Popen(
            [str(PYTHON), str(HERE / "driver.py"), address, username, password],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, method: str, **arguments: Any) -> Any:
        return self.ask(call=method, arguments=arguments)

    def ask(self, **asked: Any) -> Any:
        self.send(**asked)
        return self.answer()

    def send(self, **asked: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()

    def heard(self) -> Iterator[Any]:
        """Yield what a listening client hears, until that is enough for it."""
        while "heard" in (told := self._line()):
            yield told["heard"]
        assert told == {"value": None}, told

    def answer(self) -> Any:
        told = self._line()
        if "error" in told:
            raise Refused(f"{told['error']}: {told['text']}")
        return told["value"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the client, by force when it is still in a call."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process.stdout.close()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told
