# SPDX-License-Identifier: Apache-2.0
"""`netsonde apply`: files against a server, written, compared, pruned."""

import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from netsonde.model.alerts import Alert
from netsonde.model.captures import Capture
from unit.cli.conftest import Command, Server

ALL = """\
Kind: Capture
Name: vms
GremlinQuery: G.V()
---
Kind: Check
Name: lease
GremlinQuery: G.V()
Steps: [{Type: dhcp}]
---
Kind: Alert
Name: down
Expression: G.V().Has('State', 'DOWN')
Labels: {team: network, site: a}
---
Kind: NodeRule
Name: rack
Action: create
Metadata: {Name: rack1, Type: rack, Rack: {Row: 1, Slot: 2}}
---
Kind: EdgeRule
Name: cable
Src: G.V().Has('Type', 'rack')
Dst: G.V().Has('Type', 'host')
Metadata: {RelationType: cable}
---
Kind: Workflow
Name: back
Parameters: [{name: what}]
Source: back
"""


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., str]:
    """Write files into a folder; returns the folder."""

    def write(**texts: str) -> str:
        for name, text in texts.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return str(tmp_path)

    return write


def names(server: Server) -> set[str]:
    """Return what users made, as KIND/NAME."""
    fakes = server.fakes
    found: dict[str, Sequence[Any]] = {
        "Capture": [one for one in fakes.captures.views() if not one.owner],
        "Check": fakes.checks.views(),
        "Alert": fakes.alerts.views(),
        "NodeRule": fakes.stated.node_rules.views(),
        "EdgeRule": fakes.stated.edge_rules.views(),
        "Workflow": [one for one in fakes.workflows.service.views() if not one.bundled],
    }
    return {f"{kind}/{one.name}" for kind, views in found.items() for one in views}


EVERYTHING = {"Capture/vms", "Check/lease", "Alert/down", "NodeRule/rack", "EdgeRule/cable", "Workflow/back"}


def test_every_kind_is_created_and_a_second_run_has_nothing_to_do(
    netsonde: Command, server: Server, files: Callable[..., str]
) -> None:
    folder = files(all=ALL)
    done = netsonde("apply", "-f", folder)
    assert (done.status, names(server)) == (0, EVERYTHING)
    assert "+GremlinQuery: G.V()" in done.out
    assert "created Workflow/back" in done.err
    assert netsonde("apply", "-f", folder) == (0, "", "nothing to do: 6 as the files say\n")


def test_a_dry_run_shows_the_difference_and_does_nothing(
    netsonde: Command, server: Server, files: Callable[..., str]
) -> None:
    done = netsonde("apply", "-f", files(all=ALL), "--dry-run")
    assert (done.status, names(server)) == (0, set())
    assert done.out.count("--- /dev/null") == 6
    assert "6 to create, 0 equal, 0 wrong" in done.err


def test_only_members_that_differ_are_changed_and_others_stay(
    netsonde: Command, server: Server, files: Callable[..., str]
) -> None:
    netsonde("apply", "-f", files(all=ALL))
    (alert,) = server.fakes.alerts.views()
    server.wait(server.fakes.alerts.replace(_alert(alert), _alert(alert, severity="critical")))
    done = netsonde("apply", "-f", files(all=ALL.replace("site: a", "room: b").replace("Slot: 2", "Height: 3")))
    assert done.status == 0
    assert "-  site: a\n" in done.out
    assert "+  room: b\n" in done.out
    (alert,) = server.fakes.alerts.views()
    assert (alert.labels, alert.severity) == ({"team": "network", "room": "b"}, "critical")
    (rule,) = server.fakes.stated.node_rules.views()
    assert rule.metadata["Rack"] == {"Row": 1, "Height": 3}
    assert "0 of" not in done.err


def _alert(view: Alert, **changes: Any) -> Alert:
    facts = {name: getattr(view, name) for name in Alert.__struct_fields__}
    return Alert(**{**facts, **changes})


def test_what_was_changed_meanwhile_is_not_written_over(
    netsonde: Command, server: Server, files: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_and_agree() -> str:
        (capture,) = server.fakes.captures.views()
        server.do(lambda: server.fakes.captures.put(msgspec.structs.replace(capture, paused=True)))
        return "y\n"

    netsonde("apply", "-f", files(a=ALL.split("---")[0]))
    monkeypatch.setattr(sys, "stdin", Terminal(change_and_agree))
    done = netsonde("apply", "-f", files(a="Kind: Capture\nName: vms\nGremlinQuery: G.V().Has('Name', 'x')\n"))
    assert done.status == 1
    assert "the capture was changed meanwhile" in done.err
    assert [one.gremlin_query for one in server.fakes.captures.views()] == ["G.V()"]


@dataclass
class Terminal:
    """Standard input on which somebody answers."""

    readline: Callable[[], str]

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "status", "made"), [("y\n", 0, 6), ("\n", 1, 0), ("", 1, 0)])
def test_a_person_is_asked(
    netsonde: Command, server: Server, files: Callable[..., str], monkeypatch: pytest.MonkeyPatch,
    answer: str, status: int, made: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stdin", Terminal(lambda: answer))
    done = netsonde("apply", "-f", files(all=ALL))
    assert "Do these 6? [y/N]" in done.err
    assert (done.status, len(names(server))) == (status, made)
    assert netsonde("apply", "-f", files(all=ALL), "--yes").status == 0


def test_only_what_the_set_made_is_pruned(netsonde: Command, server: Server, files: Callable[..., str]) -> None:
    by_hand = Capture(name="mine", gremlin_query="G.V().Has('Name', 'mine')")
    copied = "text\n[applied by set lab: Capture/vms]"
    server.wait(server.fakes.captures.create(by_hand))
    server.wait(server.fakes.captures.create(Capture(name="copy", gremlin_query="G.E()", description=copied)))
    netsonde("apply", "-f", files(all=ALL), "--set", "lab")
    netsonde("apply", "-f", files(all="Kind: Check\nName: other\nGremlinQuery: G.V()\nSteps: [{Type: dhcp}]\n"))
    done = netsonde("apply", "-f", files(all="---\n"), "--set", "else", "--prune")
    assert (done.status, names(server)) == (0, {*EVERYTHING, "Capture/mine", "Capture/copy", "Check/other"})
    done = netsonde("apply", "-f", files(all=ALL.split("---")[1]), "--set", "lab", "--prune")
    assert (done.status, names(server)) == (0, {"Check/lease", "Capture/mine", "Capture/copy", "Check/other"})
    assert "deleted Alert/down" in done.err
    assert "-GremlinQuery: G.V()" in done.out


def test_what_was_there_before_is_adopted_but_never_pruned(
    netsonde: Command, server: Server, files: Callable[..., str]
) -> None:
    server.wait(server.fakes.captures.create(Capture(name="vms", gremlin_query="G.E()")))
    netsonde("apply", "-f", files(all=ALL.split("---")[0]), "--set", "lab")
    assert [one.gremlin_query for one in server.fakes.captures.views()] == ["G.V()"]
    netsonde("apply", "-f", files(all="---\n"), "--set", "lab", "--prune")
    assert names(server) == {"Capture/vms"}


def test_the_mark_stays_when_the_description_changes(
    netsonde: Command, server: Server, files: Callable[..., str]
) -> None:
    capture = ALL.split("---")[0]
    netsonde("apply", "-f", files(all=f"{capture}Description: one\n"), "--set", "lab")
    netsonde("apply", "-f", files(all=f"{capture}Description: two\n"))
    (view,) = server.fakes.captures.views()
    assert view.description == "two\n[applied by set lab: Capture/vms]"
    done = netsonde("apply", "-f", files(all=capture), "--set", "else")
    assert (done.status, "it belongs to the set lab" in done.err) == (1, True)


def test_a_capture_gets_another_name(netsonde: Command, server: Server, files: Callable[..., str]) -> None:
    capture = ALL.split("---")[0]
    netsonde("apply", "-f", files(all=capture), "--set", "lab")
    done = netsonde("apply", "-f", files(all=capture.replace("vms", "guests")), "--set", "lab", "--prune")
    assert (done.status, names(server)) == (0, {"Capture/guests"})


def test_a_wrong_object_stops_only_itself_and_pruning(
    netsonde: Command, server: Server, files: Callable[..., str]
) -> None:
    netsonde("apply", "-f", files(all=ALL), "--set", "lab")
    text = "Kind: Capture\nName: bad\nGremlinQuery: V()\n---\nKind: Capture\nName: good\nGremlinQuery: G.E()\n"
    done = netsonde("apply", "-f", files(all=text), "--set", "lab", "--prune")
    assert (done.status, names(server)) == (1, {*EVERYTHING, "Capture/good"})
    assert "all.yaml, document 1, line 1: Capture/bad: a query starts with G" in done.err
    assert "nothing is pruned while an object is wrong" in done.err


WRONG = {
    "Kind: Captur\nName: x": "no Kind is called 'Captur'\nhint: did you mean Capture?",
    "Name: x": "it has no Kind",
    "Kind: Capture\nGremlinQuery: G.V()": "this Capture has no Name",
    "Kind: Capture\nName: x\nBpf: tcp": "unknown member 'Bpf'",
    "Kind: Check\nName: x\nWithin: soon": "Within: expected a whole number",
    "[1]": "it is no object",
    "Kind: Capture\nName: good\nGremlinQuery: G.V()": "Capture/good is there twice, first in",
}


def test_documents_that_are_no_objects_are_told_with_their_places(
    netsonde: Command, server: Server, files: Callable[..., str]
) -> None:
    good = "Kind: Capture\nName: good\nGremlinQuery: G.V()\n"
    texts = {f"b{number}": f"\n---\n# why\n{document}\n" for number, document in enumerate(WRONG)}
    done = netsonde("apply", "-f", files(a=good, **texts))
    places = [f"b{number}.yaml, document 1, line 4: {reason}" for number, reason in enumerate(WRONG.values())]
    assert [place for place in places if place not in done.err] == []
    assert (done.status, names(server)) == (1, {"Capture/good"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Kind: [\n", "b.yaml is not YAML: line 2, column 1"),
        ("a: &a [1]\nb: *a\n", "b.yaml, line 2: aliases are not accepted"),
        ("[" * 2_000, "b.yaml is n"),
        ("a: !!python/object:os.system {}\n", "b.yaml is not YAML: line 1"),
    ],
)
def test_no_server_is_asked_when_a_file_is_no_yaml(
    netsonde: Command, files: Callable[..., str], monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    monkeypatch.setenv("NETSONDE_URL", "http://127.0.0.1:1")
    done = netsonde("apply", "-f", files(a=ALL, b=text))
    assert (done.status, reason in done.err) == (1, True)


def test_standard_input_is_a_file(netsonde: Command, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(ALL))
    assert netsonde("apply", "-f", "-").status == 0
    assert names(server) == EVERYTHING


def test_what_get_prints_can_be_applied(netsonde: Command, server: Server, files: Callable[..., str]) -> None:
    netsonde("apply", "-f", files(all=ALL))
    shown = netsonde("capture", "get", "vms", "-o", "yaml").out
    assert netsonde("apply", "-f", files(all=f"Kind: Capture\n{shown}")).err == "nothing to do: 1 as the files say\n"


def test_two_objects_of_one_name_are_not_guessed_between(
    netsonde: Command, server: Server, files: Callable[..., str]
) -> None:
    for query in ("G.V()", "G.E()"):
        server.wait(server.fakes.captures.create(Capture(name="vms", gremlin_query=query)))
    done = netsonde("apply", "-f", files(all=ALL.split("---")[0]))
    assert (done.status, "2 objects are called so: c1, c2" in done.err) == (1, True)


@pytest.mark.parametrize("arguments", [("--prune",), ("--set", "a b"), ()])
def test_what_cannot_be_meant_is_wrong_usage(
    netsonde: Command, server: Server, files: Callable[..., str], arguments: tuple[str, ...]
) -> None:
    assert netsonde("apply", *(("-f", files(all=ALL)) if arguments else ()), *arguments).status == 2


def test_a_diff_cannot_drive_a_terminal(netsonde: Command, server: Server, files: Callable[..., str]) -> None:
    text = 'Kind: Capture\nName: x\nGremlinQuery: G.V()\nDescription: "a\\e[2Jb\\nc\\u202ed"\n'
    done = netsonde("apply", "-f", files(all=text))
    assert [character for character in done.out if not character.isprintable() and character != "\n"] == []


def test_no_server_is_told(netsonde: Command, files: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSONDE_URL", "http://127.0.0.1:1")
    assert netsonde("apply", "-f", files(all=ALL)).status == 3


def test_a_file_or_folder_without_objects_is_told(netsonde: Command, server: Server, tmp_path: Path) -> None:
    assert "has no file that ends in .yaml" in netsonde("apply", "-f", str(tmp_path)).err
    assert "No such file" in netsonde("apply", "-f", str(tmp_path / "none")).err
