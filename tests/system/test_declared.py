# SPDX-License-Identifier: Apache-2.0
"""What users state of the topology against the real program: it survives kill -9 of anything, and copies are equal."""

import json
import os
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from system.links import Links
from system.stack import PROGRAM, Stack

pytestmark = pytest.mark.system


def test_users_elements_survive_kills_and_are_recorded(stack: Stack, links: Links) -> None:
    left, _ = links.veth("a")
    stack.wait(lambda: stack.query(f"G.V().Has('Name', '{left}')"), 10, "the interface")
    interface = stack.query(f"G.V().Has('Name', '{left}')")[0]["ID"]
    stack.call("POST", "/api/edge", {"Parent": "rack1", "Child": interface, "Metadata": {"RelationType": "layer2"}})
    stack.call("POST", "/api/node", {"ID": "rack1", "Metadata": {"Name": "rack1", "Type": "rack", "Row": 4}})
    stack.call("PATCH", f"/api/node/{interface}", [{"op": "add", "path": "/Metadata/Owner", "value": "net team"}])
    ruled = {"Action": "update", "Query": f"G.V().Has('Name', '{left}')", "Metadata": {"Site": "s1"}}
    rule = stack.call("POST", "/api/noderule", ruled)["UUID"]

    def is_all_there() -> bool:
        return bool(
            stack.query(f"G.V('rack1').Out().Has('Name', '{left}', 'Owner', 'net team', 'Site', 's1', 'State', 'UP')")
        )

    stack.wait(is_all_there, 10, "shown")
    for child in ("analyzer", "agent", "nats-server"):
        before = stack.child(child)
        stack.kill(child)
        stack.wait(lambda child=child, before=before: stack.child(child) != before, 20, f"{child} anew")
        stack.wait(lambda: stack.status_code("/readyz") == 200, 30, "ready")
        stack.wait(is_all_there, 20, f"shown after the {child} was killed")
    # What happened while the agent was away is recorded by its snapshot, which is asked for now and then.
    stack.wait(lambda: process_ids(stack)["agent"] == stack.child("agent"), 20, "the new agent known")
    subprocess.run(["ip", "link", "set", left, "mtu", "1400"], check=True)
    changed = f"G.V().Has('Name', '{left}', 'Owner', 'net team', 'MTU', 1400)"
    stack.wait(lambda: stack.query(changed), 10, "the probe's update beside the annotation")

    def is_recorded() -> bool:
        at = f"G.At({time.time():.3f})"
        found = stack.query(f"{at}.V('rack1').Out().Has('Owner', 'net team', 'Site', 's1', 'MTU', 1400)")
        return bool(found)

    stack.wait(is_recorded, 30, "recorded with the annotation")
    stack.call("DELETE", f"/api/noderule/{rule}")
    assert not stack.query("G.V().HasKey('Site')")
    stack.call("DELETE", "/api/node/rack1")
    assert stack.call("GET", "/api/edge").keys().isdisjoint({"rack1"})
    stack.wait(lambda: not stack.query(f"G.At({time.time():.3f}).V('rack1')"), 30, "its end recorded")


def test_a_copy_of_a_topology_is_equal_to_it(stack: Stack, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    made = [graph_node(number) for number in range(1500)]
    edges = [graph_edge(made[number // 10], made[number]) for number in range(1, 1500)]
    first.write_text(json.dumps([{"Nodes": made, "Edges": edges}]))
    done = netsonde(stack, "topology", "import", str(first), "--name", "copy")
    assert done.stderr == "copy: 2999 added, 0 updated, 0 unchanged\n"
    netsonde(stack, "topology", "export", str(second))
    assert parts(second, made, edges) == (made, edges)
    stack.kill("analyzer")
    stack.wait(lambda: stack.status_code("/readyz") == 200, 30, "ready")
    netsonde(stack, "topology", "export", str(second))
    assert parts(second, made, edges) == (made, edges)
    # What this server's own agent shows is refused, and everything else is as it was.
    lasting = tmp_path / "lasting.json"
    lasting.write_text(json.dumps([lasting_of(second)]))
    again = netsonde(stack, "topology", "import", str(lasting), "--name", "copy")
    assert "copy: 0 added, 0 updated, 2999 unchanged" in again.stderr
    assert (again.returncode, "shows it now" in again.stderr) == (1, True)
    netsonde(stack, "topology", "clear", "copy")
    assert stack.query("G.V().Has('Type', 'copied').Count()") == 0


def process_ids(stack: Stack) -> dict[str, int]:
    return {one["Service"]: one["Pid"] for one in stack.call("GET", "/api/status")["Processes"]}


def graph_node(number: int) -> dict[str, Any]:
    return {
        "ID": f"copied-{number}",
        "Metadata": {"Name": f"n{number}", "Type": "copied", "Deep": {"a.b/c": [1, 1.5, None, {"ü": True}]}},
        "Host": f"other-{number % 3}",
        "Origin": f"agent.other-{number % 3}",
        "CreatedAt": 1_700_000_000_000 + number,
        "UpdatedAt": 1_700_000_500_000 + number,
        "DeletedAt": None,
        "Revision": 1 + number % 5,
    }


def graph_edge(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    name = {"ID": f"{parent['ID']}-{child['ID']}", "Metadata": {"RelationType": "ownership"}}
    return {**parent, **name, "Parent": parent["ID"], "Child": child["ID"]}


def parts(file: Path, nodes: list[Any], edges: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return from an exported file the elements of these ids, in this order."""
    found = json.loads(file.read_bytes())
    by_id = [{one["ID"]: one for one in found[kind]} for kind in ("Nodes", "Edges")]
    return [by_id[0].get(one["ID"]) for one in nodes], [by_id[1].get(one["ID"]) for one in edges]


def lasting_of(file: Path) -> dict[str, list[Any]]:
    """Return an exported graph without interfaces, which other tests make and delete on this machine meanwhile."""
    found = json.loads(file.read_bytes())
    nodes = [one for one in found["Nodes"] if one["Metadata"]["Type"] in ("copied", "host")]
    ids = {one["ID"] for one in nodes}
    return {"Nodes": nodes, "Edges": [one for one in found["Edges"] if {one["Parent"], one["Child"]} <= ids]}


def netsonde(stack: Stack, *arguments: str) -> Any:
    return subprocess.run(
        [str(PROGRAM), *arguments, "--url", stack.url], check=False, capture_output=True, text=True, timeout=60
    )


def test_a_seed_shows_a_namespace_under_a_node_and_takes_it_along(stack: Stack, tmp_path: Path) -> None:
    name = f"seed{secrets.token_hex(3)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    root = stack.call("POST", "/api/node", {"Metadata": {"Name": name, "Type": "rack"}})["ID"]
    command = [str(PROGRAM), "seed", "netlink", "--agent", stack.url, "--net", f"/run/netns/{name}"]
    command += ["--host-id", name, "--root", root]
    with (tmp_path / "said").open("w") as said:
        seed = subprocess.Popen(command, stderr=said, env={**os.environ, "HOME": str(tmp_path)})
    shown = f"G.V('{root}').Out().Has('@Origin', 'seed.{name}')"
    try:
        stack.wait(lambda: [one["Metadata"]["Name"] for one in stack.query(shown)] == ["lo"], 20, "the loopback")
        subprocess.run(["ip", "-n", name, "link", "add", "br-s", "type", "bridge"], check=True)
        stack.wait(lambda: stack.query(f"{shown}.Has('Name', 'br-s')"), 10, "a bridge that came")
        subprocess.run(["ip", "-n", name, "link", "set", "br-s", "mtu", "1400"], check=True)
        stack.wait(lambda: stack.query(f"{shown}.Has('Name', 'br-s', 'MTU', 1400)"), 10, "its change")
        subprocess.run(["ip", "-n", name, "link", "del", "br-s"], check=True)
        stack.wait(lambda: not stack.query(f"{shown}.Has('Name', 'br-s')"), 10, "its end")
        # The server dies and comes back: all is there again.
        before = stack.child("analyzer")
        stack.kill("analyzer")
        subprocess.run(["ip", "-n", name, "link", "add", "br-t", "type", "bridge"], check=True)
        stack.wait(lambda: stack.child("analyzer") != before and stack.status_code("/readyz") == 200, 30, "anew")
        stack.wait(lambda: stack.query(f"{shown}.Has('Name', 'br-t')"), 30, "what came meanwhile")
    finally:
        seed.terminate()
        assert seed.wait(10) == 0
        subprocess.run(["ip", "netns", "del", name], check=True)
    assert "refused" not in (tmp_path / "said").read_text()
    stack.wait(lambda: not stack.query(f"G.V().Has('@Origin', 'seed.{name}')"), 10, "gone with the seed")
    stack.call("DELETE", f"/api/node/{root}")


def test_a_seed_publishes_what_its_filter_shows(stack: Stack, tmp_path: Path) -> None:
    name = f"seed{secrets.token_hex(3)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    command = [str(PROGRAM), "seed", "netlink", "--agent", stack.url, "--net", f"/run/netns/{name}", "--host-id", name]
    command += ["--filter", "G.V().Has('MTU', 1400).SubGraph()"]
    seed = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(tmp_path)})
    shown = f"G.V().Has('@Origin', 'seed.{name}').Values('Name')"
    try:
        for link in ("br-s", "br-t"):
            subprocess.run(["ip", "-n", name, "link", "add", link, "type", "bridge"], check=True)
            subprocess.run(["ip", "-n", name, "link", "set", link, "mtu", "1400"], check=True)
        stack.wait(lambda: sorted(stack.query(shown)) == ["br-s", "br-t"], 20, "what matches, without lo and the host")
        subprocess.run(["ip", "-n", name, "link", "set", "br-s", "mtu", "1500"], check=True)
        stack.wait(lambda: stack.query(shown) == ["br-t"], 10, "what matches no more is gone")
    finally:
        seed.terminate()
        assert seed.wait(10) == 0
        subprocess.run(["ip", "netns", "del", name], check=True)
