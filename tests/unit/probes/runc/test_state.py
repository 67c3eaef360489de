# SPDX-License-Identifier: Apache-2.0
"""State files: one of a real runc (1.1.5 of Debian 12), and others."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import WireError
from netsonde.probes.runc.state import container, read_state
from netsonde.schema import unlisted

FILE = Path(__file__).parents[3] / "data/runc/state.json"


def recorded(*labels: str) -> Any:
    """Return the recorded state, with other annotations when some are given."""
    state = json.loads(FILE.read_text())
    if labels:
        state["config"]["labels"] = list(labels)
    return state


def shown(state: Any, *, started: bool = True) -> Any:
    return container(read_state(json.dumps(state).encode()), started=started)


def test_container_of_a_pod_has_its_names_and_its_annotations_verbatim() -> None:
    found = shown(recorded())
    assert (found.id, found.name, found.pod, found.manager) == ("tc", "web", "web-0", "runc")
    facts = found.facts
    assert facts["Pod"] == {"Name": "web-0", "Namespace": "default", "UID": "1b6cd5b8-3ccd-4a53-8c7e-5f0f0a0c2a11"}
    assert (facts["Image"], facts["Status"], facts["Bundle"]) == (
        "docker.io/library/nginx:1.27",
        "running",
        "/run/bundle",
    )
    assert facts["Labels"]["note"] == "a=b"
    assert facts["Labels"]["io.kubernetes.cri.container-name"] == "web"
    assert "bundle" not in facts["Labels"]
    assert unlisted(found.metadata) == []


def test_sandbox_of_a_pod_is_called_like_it_and_owns_the_namespace() -> None:
    sandbox = ("io.kubernetes.cri.container-type=sandbox", "io.kubernetes.cri.sandbox-name=web-0")
    state = recorded(*sandbox)
    state["config"]["namespaces"] = [{"type": "NEWNET", "path": "/run/netns/cni-1"}]
    assert (shown(state).name, shown(state).owns_namespace) == ("web-0", True)
    state = recorded("io.kubernetes.container.name=web", "io.kubernetes.pod.name=web-0")
    state["config"]["namespaces"] = [{"type": "NEWNET", "path": "/run/netns/cni-1"}]
    assert (shown(state).name, shown(state).pod, shown(state).owns_namespace) == ("web", "web-0", False)


def test_container_that_nobody_named_is_called_by_its_id() -> None:
    found = shown(recorded("bundle=/b"), started=False)
    assert (found.name, found.pod, found.facts["Status"]) == ("tc", "", "created")
    assert "Pod" not in found.facts


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"id": 1, "init_process_pid": 2}', b"\xff", b"[" * 100_000, b'{"x":' + b"[" * 100_000]
)
def test_rubbish_is_named_as_such(data: bytes) -> None:
    with pytest.raises(WireError):
        read_state(data)


@given(st.lists(st.text(max_size=30), max_size=6))
def test_no_annotation_breaks_the_reader(labels: list[str]) -> None:
    state = recorded()
    state["config"]["labels"] = labels
    assert shown(state).id == "tc"


def test_annotations_that_no_message_could_carry_are_left_out_and_counted() -> None:
    found = shown(recorded("a=first", "b=" + "x" * 1_000_000, "c=last"))
    assert found.facts["LabelsOmitted"] == 1
    assert "b" not in found.facts["Labels"]
    assert unlisted(found.metadata) == []
