# SPDX-License-Identifier: Apache-2.0
"""A whole Netsonde for a test: the installed program on a free port, with a state directory of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("netsonde")
Condition = Any


class Stack:
    """`netsonde allinone` as a child process, and the few calls that tests make of it."""

    def __init__(self, state: Path, *, env: dict[str, str] | None = None, port: int | None = None) -> None:
        self.state = state
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = state.with_suffix(".log")
        self._env = {**os.environ, **(env or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, within: float = 30.0) -> "Stack":
        command = [str(PROGRAM), "allinone", "--listen", f"127.0.0.1:{self.port}", "--state-dir", str(self.state)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self._env, stdin=subprocess.DEVNULL, stderr=log, stdout=log)
        try:
            self.wait(self._is_ready, within, "ready")
        except AssertionError:
            self.stop()
            raise
        return self

    def stop(self, within: float = 10.0) -> float:
        """Ask it to end; returns the seconds that it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        return time.monotonic() - began

    def child(self, name: str) -> int:
        """Return the process id of a child: agent, analyzer or nats-server."""
        assert self.process is not None
        listing = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=True
        ).stdout
        for line in listing.splitlines():
            pid, _, command = line.strip().partition(" ")
            if re.search(rf"(^|[ /.]){re.escape(name)}( |$)", command):
                return int(pid)
        raise LookupError(f"no child {name} in:\n{listing}")

    def is_whole(self) -> bool:
        """Return whether the server is ready, knows the processes that run now, and can capture."""
        status = self.call("GET", "/api/status")
        parts = {process["Pid"]: process["Probes"] for process in status["Processes"]}
        captures = parts.get(self.child("agent"), {}).get("captures", {})
        return bool(status["Ready"]) and self.child("analyzer") in parts and captures.get("State") == "running"

    def kill(self, name: str) -> None:
        os.kill(self.child(name), signal.SIGKILL)

    def call(self, method: str, path: str, body: object = None, *, accept: str = "application/json") -> Any:
        """Send a request; returns decoded JSON, or bytes for another Accept. Raises HTTPError from 400 on."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Accept": accept, "Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        if accept != "application/json":
            return content
        return json.loads(content) if content else None

    def _is_ready(self) -> bool:
        """Raises OSError with what is missing while it is not."""
        try:
            with urllib.request.urlopen(self.url + "/readyz", timeout=5):
                return True
        except urllib.error.HTTPError as error:
            raise OSError(error.read().decode()) from error

    def status_code(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)
        except OSError:
            return 0

    def query(self, gremlin: str) -> Any:
        return self.call("POST", "/api/topology", {"GremlinQuery": gremlin})

    def capture(self, gremlin: str, **fields: object) -> str:
        """Create a capture; returns its UUID."""
        uuid: str = self.call("POST", "/api/capture", {"GremlinQuery": gremlin, **fields})["UUID"]
        return uuid

    def capture_status(self, uuid: str) -> dict[str, Any]:
        status: dict[str, Any] = self.call("GET", f"/api/capture/{uuid}")["Status"]
        return status

    def wait_capture(self, uuid: str, state: str, within: float = 15.0) -> dict[str, Any]:
        self.wait(lambda: self.capture_status(uuid)["State"] == state, within, f"capture {state}")
        return self.capture_status(uuid)

    def wait(self, condition: Condition, within: float, what: str) -> None:
        """Poll until `condition()` is true; errors of HTTP and look-ups count as not yet."""
        deadline = time.monotonic() + within
        last: object = None
        while time.monotonic() < deadline:
            try:
                last = condition()
                if last:
                    return
            except (OSError, LookupError, TypeError) as error:
                last = error
            if self.process is not None and self.process.poll() is not None:
                break
            time.sleep(0.05)  # noqa: TID251  the server is another process: nothing to wait on but its answers
        tail = self.log.read_text(errors="replace")[-4000:]
        raise AssertionError(f"not {what} within {within} s; last seen: {last!r}; log:\n{tail}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
