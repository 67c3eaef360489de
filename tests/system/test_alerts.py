# SPDX-License-Identifier: Apache-2.0
"""An alert from end to end: an interface appears, a receiver is told once, over the death of the analyzer."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from system.links import Links, ip
from system.stack import Stack

pytestmark = pytest.mark.system


class Receiver:
    """A receiver of webhooks on the loopback."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    @property
    def states(self) -> list[str]:
        return [message["State"] for message in self.got]

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def test_a_receiver_is_told_once_although_the_analyzer_is_killed(
    stack: Stack, links: Links, receiver: Receiver
) -> None:
    body = {"Name": "new", "Expression": f"G.V().Has('Name', '{links.prefix}a')", "Actions": [receiver.url]}
    began = time.time_ns() // 1_000_000
    uuid = stack.call("POST", "/api/alert", body)["UUID"]
    left, _ = links.veth("a")
    stack.wait(lambda: receiver.states == ["firing"], 5, "told")
    assert [node["Metadata"]["Name"] for node in receiver.got[0]["ReasonData"]] == [left]
    # A notice whose delivery is not written down yet would be sent again.
    stack.wait(lambda: stack.call("GET", f"/api/alert/{uuid}")["Undelivered"] == [], 5, "the delivery written down")

    killed = stack.child("analyzer")
    stack.kill("analyzer")
    stack.wait(lambda: stack.child("analyzer") != killed, 15, "another analyzer")
    stack.wait(lambda: evaluations(stack) > 0, 25, "judged again")
    assert stack.call("GET", f"/api/alert/{uuid}")["State"] == "firing"

    ip("link", "del", left)
    stack.wait(lambda: "resolved" in receiver.states, 15, "resolved")
    history = stack.call("GET", f"/api/alert/{uuid}/history")
    assert [one["State"] for one in history if one["State"] != one["Previous"]] == ["resolved", "firing"]
    assert receiver.states == ["firing", "resolved"], receiver.got
    stack.wait(lambda: would_have_fired(stack, body, began) == 1, 15, "in history")


def test_a_receiver_is_told_the_verdict_of_a_check(stack: Stack, links: Links, receiver: Receiver) -> None:
    query, steps = f"G.V().Has('Name', '{links.prefix}b')", [{"Type": "dhcp", "Within": 500}]
    body = {"Name": links.prefix, "GremlinQuery": query, "Steps": steps, "Actions": [receiver.url]}
    uuid = stack.call("POST", "/api/check", body)["UUID"]
    stack.wait(lambda: stack.call("GET", f"/api/check/{uuid}")["State"] == "waiting", 15, "waiting for the interface")
    links.veth("b")
    stack.wait(lambda: receiver.states == ["fail"], 30, "told")
    (result,) = stack.call("GET", f"/api/check/{uuid}/results")
    assert (receiver.got[0]["Kind"], receiver.got[0]["ReasonData"]) == ("check", result)
    stack.call("DELETE", f"/api/check/{uuid}", accept="*/*")
    stack.wait(lambda: stack.call("GET", "/api/capture") == {}, 15, "its capture is gone")


def evaluations(stack: Stack) -> int:
    """Return how often the present analyzer has judged an alert."""
    text = stack.call("GET", "/metrics", accept="text/plain").decode()
    lines = [line for line in text.splitlines() if line.startswith("netsonde_component_value{")]
    own = [line for line in lines if 'host=""' in line and 'component="alerts"' in line and '"evaluations"' in line]
    return int(float(own[0].rpartition(" ")[2])) if own else 0


def would_have_fired(stack: Stack, body: dict[str, Any], began: int) -> int:
    now = time.time_ns() // 1_000_000
    alert = {**body, "Actions": []}
    found = stack.call("POST", "/api/alert/test", {"Alert": alert, "From": began, "To": now, "Step": 1000})
    return int(found["Fired"])
