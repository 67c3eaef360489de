# SPDX-License-Identifier: Apache-2.0
"""Messages of CRI: what is read of them, and hostile bytes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import WireError
from netsonde.probes.cri.messages import ContainerList, Listed, Pod, PodAnswer, PodList, VersionResponse, decode
from protobuf_messages import message
from unit.probes.cri.lab import container, pod

TEXTS = st.text()


def test_lists_are_read_with_labels_and_nested_messages() -> None:
    labels = {"app.kubernetes.io/name": "x y", "": "", "odd['key": "é"}
    found = decode(message({1: [pod("a", labels=labels), pod("b", state=1)]}), PodList)
    assert [(one.id, one.metadata.name, one.metadata.namespace, one.state) for one in found.items] == [
        ("a-id", "a", "shop", 0),
        ("b-id", "b", "shop", 1),
    ]
    assert found.items[0].labels == labels
    (one,) = decode(message({1: [container("c", "a")]}), ContainerList).containers
    assert (one.pod_id, one.metadata.name, one.metadata.attempt, one.state) == ("a-id", "c", 3, 1)
    assert (one.image.user_specified, one.image_ref) == ("nginx:1", "ref")


def test_fields_that_are_not_read_and_those_that_are_not_there_harm_nobody() -> None:
    found = decode(message({1: "a-id", 99: "later", 7: "runsc"}), Pod)
    assert found == Pod(id="a-id")
    assert decode(b"", PodAnswer).status.network.additional_ips == []


def test_the_last_of_a_repeated_field_counts_and_numbers_may_be_negative() -> None:
    assert decode(message({1: "a"}) + message({1: "b"}), Pod).id == "b"
    assert decode(message({4: (1 << 64) - 1}), Pod).created_at == -1


@given(st.dictionaries(TEXTS, TEXTS), TEXTS)
def test_any_text_comes_through_as_it_is(labels: dict[str, str], name: str) -> None:
    found = decode(message({**container(name, "p", labels=labels)}), Listed)
    assert (found.labels, found.metadata.name) == (labels, name)


@given(st.binary(max_size=200), st.sampled_from([PodList, ContainerList, PodAnswer, VersionResponse]))
def test_hostile_bytes_are_refused_or_read(data: bytes, kind: type) -> None:
    with suppress(WireError):
        assert isinstance(decode(data, kind), kind)


@pytest.mark.parametrize(
    ("values", "words"), [({1: 7}, "got the number 7"), ({3: "x"}, "expected a number"), ({2: 7}, "got the number 7")]
)
def test_field_of_another_type_is_refused(values: dict[int, object], words: str) -> None:
    with pytest.raises(WireError, match=words):
        decode(message(values), Pod)
