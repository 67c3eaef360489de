# SPDX-License-Identifier: Apache-2.0
"""Injected packets through the API and the real daemons: loss and latency, refusals, and ends that nobody planned."""

import json
import re
import secrets
import shlex
import subprocess
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netsonde.cli.main import run
from system.stack import Stack

pytestmark = pytest.mark.system

PAGE = Path(__file__).resolve().parents[2] / "docs/howto/inject-packets.md"
LIMITS = {"NETSONDE_INJECT_TARGETS": "10.0.0.0/8,fd99::/16"}


@pytest.fixture(scope="module")
def peers() -> Iterator[tuple[str, str]]:
    """Two namespaces joined by a veth pair: 10.99.7.1 and fd99::1 in the first, .2 and ::2 in the second."""
    stem = secrets.token_hex(3)
    names = f"nsa{stem}", f"nsb{stem}"
    for name in names:
        ip("netns", "add", name)
    ip("-n", names[0], "link", "add", "e0", "type", "veth", "peer", "name", "e1", "netns", names[1])
    for number, (name, link) in enumerate(zip(names, ("e0", "e1"), strict=True), 1):
        ip("-n", name, "addr", "add", f"10.99.7.{number}/24", "dev", link)
        ip("-n", name, "addr", "add", f"fd99::{number}/64", "dev", link, "nodad")
        ip("-n", name, "link", "set", link, "up")
    yield names
    for name in names:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, peers: tuple[str, str]) -> Iterator[Stack]:
    """One all-in-one for all tests here, which knows the addresses of both ends."""
    running = Stack(tmp_path_factory.mktemp("inject") / "state", env=LIMITS).start()
    running.wait(lambda: len(running.query(both(peers))) == 2, 15, "both ends in the graph")
    yield running
    running.stop()


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def end(name: str, link: str) -> str:
    return f"G.V().Has('Name', '{name}', 'Type', 'netns').Out().Has('Name', '{link}')"


def both(peers: tuple[str, str]) -> str:
    return f"G.V().Has('Type', 'netns', 'Name', Within('{peers[0]}', '{peers[1]}')).Out().HasKey('IPV6').HasKey('IPV4')"


def inject(server: Stack, peers: tuple[str, str], **fields: object) -> str:
    body = {"Src": end(peers[0], "e0"), "Dst": end(peers[1], "e1"), **fields}
    uuid: str = server.call("POST", "/api/injectpacket", body)["UUID"]
    return uuid


def status(server: Stack, uuid: str) -> Any:
    return server.call("GET", f"/api/injectpacket/{uuid}")["Status"]


def ended(server: Stack, uuid: str, state: str = "finished", within: float = 10.0) -> Any:
    server.wait(lambda: status(server, uuid)["State"] == state, within, f"injection {state}")
    return status(server, uuid)


@pytest.mark.parametrize("kind", ["icmp4", "icmp6", "udp4", "udp6", "tcp4", "tcp6", "arp", "nd"])
def test_a_peer_answers_every_kind_of_probe(server: Stack, peers: tuple[str, str], kind: str) -> None:
    uuid = inject(server, peers, Type=kind, Count=3, Interval=2, Timeout=500)
    found = ended(server, uuid)
    totals = found["Totals"]
    # A closed UDP port is told by an ICMP error, whose number of a second the kernel limits.
    answered = totals["Received"] + totals["Refused"]
    assert (totals["Sent"], totals["Failed"], answered + totals["Lost"]) == (3, 0, 3)
    assert answered >= (1 if kind.startswith("udp") else 3), found
    assert {one["Verdict"] for one in found["Nodes"][0]["Results"]} <= {
        "udp4": {"unreachable", "lost"},
        "udp6": {"unreachable", "lost"},
        "tcp4": {"reset"},
        "tcp6": {"reset"},
    }.get(kind, {"reply"})


def test_latency_is_told_and_the_audit_remembers(server: Stack, peers: tuple[str, str]) -> None:
    uuid = inject(server, peers, Type="icmp4", Count=5, Interval=1)
    totals = ended(server, uuid)["Totals"]
    assert 0 < totals["RTTMin"] <= totals["RTTMean"] <= totals["RTTMax"] < 1_000_000_000
    server.call("DELETE", f"/api/injectpacket/{uuid}")
    records = [one for one in server.call("GET", "/api/injectpacket/audit") if one["UUID"] == uuid]
    assert [(one["Action"], one["Who"]) for one in records] == [("deleted", "127.0.0.1"), ("created", "127.0.0.1")]
    assert records[1]["Target"] == "10.99.7.2"
    assert uuid in server.log.read_text()


def test_a_target_that_is_silent_is_loss(server: Stack, peers: tuple[str, str]) -> None:
    uuid = inject(server, peers, Type="icmp4", DstIP="10.99.7.77", DstMAC="02:00:00:00:00:77", Count=4, Timeout=200)
    totals = ended(server, uuid)["Totals"]
    assert (totals["Sent"], totals["Received"], totals["Lost"]) == (4, 0, 4)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"Type": "icmp5"}, "Type must be one of"),
        ({"Type": "icmp4", "DstIP": "192.0.2.1"}, "DstIP 192.0.2.1 is outside"),
        ({"Type": "icmp4", "Src": "G.V().Has('Name', 'nothing')"}, "No source node found"),
        ({"Type": "icmp4", "Src": "G.V().Count()"}, "Src: it gives"),
        ({"Type": "icmp4", "Count": 2_000_000, "Interval": -1}, "Interval must be between"),
        ({"Type": "raw", "Frame": "AAAA"}, "Frame must be a whole Ethernet frame"),
    ],
)
def test_a_mistake_is_told_with_its_field(
    server: Stack, peers: tuple[str, str], fields: dict[str, object], words: str
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        inject(server, peers, **fields)
    assert refused.value.code == 400
    assert words in refused.value.read().decode()


def test_a_stopped_injection_sends_nothing_more(server: Stack, peers: tuple[str, str]) -> None:
    uuid = inject(server, peers, Type="icmp4", Count=10_000, Interval=1)
    node = end(peers[0], "e0") + f".Has('PacketInjections.ID', '{uuid}')"
    server.wait(lambda: server.query(node), 10, "shown on the node")
    server.call("DELETE", f"/api/injectpacket/{uuid}")
    server.wait(lambda: not server.query(node), 10, "not shown any more")
    assert server.status_code(f"/api/injectpacket/{uuid}") == 404


def adapted(text: str, peers: tuple[str, str]) -> str:
    """Put the names of this test in the place of those on the page."""
    names = {"vm1": peers[0], "vm2": peers[1], "eth0": "e0", "eth1": "e1", "10.0.0.2": "10.99.7.2"}
    return re.sub("|".join(map(re.escape, names)), lambda found: names[found[0]], text)


def test_the_examples_of_the_page_work(
    server: Stack, peers: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETSONDE_URL", server.url)
    page = adapted(PAGE.read_text(encoding="utf-8"), peers)
    commands = [shlex.split(line) for line in re.findall(r"^\$ netsonde (.*)$", page, re.MULTILINE)]
    ends = {" ".join(command): run(command) for command in commands}
    said = capsys.readouterr().out
    assert set(ends.values()) == {0}, ends
    assert "5 sent, 5 answered, 0% lost" in said
    assert "rtt min/mean/max/deviation" in said
    assert "reset from 10.99.7.2: closed" in said
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(compile(example, PAGE.name, "exec"), {"__name__": "__main__"})  # noqa: S102  our own page
    assert capsys.readouterr().out == "finished 3 of 3\n"


def test_the_references_spelling_works(
    server: Stack, peers: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    client = ["client", "--analyzer", server.url.removeprefix("http://"), "inject-packet"]
    flags = [
        "--src",
        end(peers[0], "e0"),
        "--dst",
        end(peers[1], "e1"),
        "--type",
        "icmp6",
        "--id",
        "7",
        "--inc-payload",
        "4",
    ]
    assert run([*client, "create", *flags, "--count", "2", "--interval", "1"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["ICMPID"], made["Count"], made["ExpiresAt"] - made["CreatedAt"] >= 5000) == (7, 2, True)
    assert run([*client, "delete", made["UUID"]]) == 0
    assert run([*client, "get", made["UUID"]]) == 1


def test_a_run_whose_analyzer_dies_is_said_to_be_interrupted(server: Stack, peers: tuple[str, str]) -> None:
    uuid = inject(server, peers, Type="icmp4", Count=100_000, Interval=5)
    server.wait(lambda: status(server, uuid)["Totals"]["Sent"] > 0, 10, "sent")
    server.kill("analyzer")
    server.wait(lambda: status(server, uuid)["State"] == "interrupted", 20, "interrupted")
    found = status(server, uuid)
    assert "the analyzer that ran it ended" in found["Reason"]
    assert found["Totals"]["Sent"] > 0
    node = end(peers[0], "e0")
    server.wait(lambda: "PacketInjections" not in server.query(node)[0]["Metadata"], 15, "the agent has stopped")


def test_a_run_whose_agent_dies_is_said_to_be_interrupted(server: Stack, peers: tuple[str, str]) -> None:
    uuid = inject(server, peers, Type="icmp4", Count=100_000, Interval=5)
    server.wait(lambda: status(server, uuid)["Totals"]["Sent"] > 0, 10, "sent")
    server.kill("agent")
    found = ended(server, uuid, "interrupted", 20)
    assert "was lost after" in found["Reason"]
    assert found["Totals"]["Sent"] > 0
