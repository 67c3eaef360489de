# SPDX-License-Identifier: Apache-2.0
"""/api/capture/{id}/packets."""

from typing import Any

import pytest

from netsonde.api.pcapng import SectionJoiner
from netsonde.errors import WireError
from netsonde.model.captures import Capture
from unit.api.fakes import Fakes, section

PATH = "/api/capture/c1/packets"


@pytest.fixture(autouse=True)
def capture(fakes: Fakes) -> None:
    fakes.captures.put(Capture(uuid="c1", gremlin_query="G.V()", name='a "b"\r\n/../x'))


def test_packets_are_downloaded_as_pcapng_under_a_harmless_name(client: Any) -> None:
    answer = client.get(PATH)
    assert answer.headers["content-type"] == "application/x-pcapng"
    assert answer.headers["content-disposition"] == 'attachment; filename="a-b-..-x.pcapng"'
    assert answer.content == section(1)


@pytest.mark.parametrize("accept", ["application/x-pcapng", "application/json"])
def test_hosts_that_did_not_answer_are_named(client: Any, fakes: Fakes, accept: str) -> None:
    fakes.packets.missing_hosts = ["h1", "h2"]
    assert client.get(PATH, headers={"Accept": accept}).headers["x-missing-hosts"] == "h1,h2"


def test_a_page_gets_them_decoded_in_time_order(client: Any, fakes: Fakes) -> None:
    answer = client.get(f"{PATH}?node=t1&flow=f1&flow=f2&limit=1", headers={"Accept": "application/json"})
    assert answer.json() == [{"Protocol": "ARP", "Data": "AAE=", "Number": 0, "Time": 1000}]
    wanted = fakes.packets.requests[0]
    assert (wanted.capture_id, wanted.node_tids, wanted.flow_uuids, wanted.limit) == ("c1", ["t1"], ["f1", "f2"], 1)


def test_without_restrictions_everything_is_asked_for(client: Any, fakes: Fakes) -> None:
    client.get(PATH)
    wanted = fakes.packets.requests[0]
    assert (wanted.node_tids, wanted.flow_uuids, wanted.after) == (None, None, -1)


def test_bad_parameters_are_named(client: Any) -> None:
    answer = client.get(f"{PATH}?limit=0&after=x")
    assert answer.status_code == 400
    assert "limit" in answer.text
    assert client.get("/api/capture/nope/packets").status_code == 404


@pytest.mark.parametrize("flow", ["zz", "-1", "0x1", "", "12345678901234567"])
def test_what_cannot_be_a_flow_is_refused_rather_than_matched_with_nothing(client: Any, flow: str) -> None:
    answer = client.get(PATH, params={"flow": flow})
    assert answer.status_code == 400
    assert answer.text.startswith(f"flow: {flow!r} is no UUID of a flow\nhint: ")


def test_sections_are_joined_into_one_with_each_interface_once() -> None:
    joiner = SectionJoiner()
    first, second = joiner.join(section(1)), joiner.join(section(2))
    assert first == section(1)
    assert second == section(2)[28 + 20 :]


def test_packets_of_a_new_interface_get_its_number_in_the_joined_section() -> None:
    joiner = SectionJoiner()
    joiner.join(section(1))
    other = section(1).replace(b"\x01\0\0\0\0\0\x04\0", b"\x01\0\0\0\0\0\x08\0")
    assert joiner.join(other)[20:32] == b"\x06\0\0\0\x20\0\0\0\x01\0\0\0"


@pytest.mark.parametrize("cut", [5, 13, 30, 60])
def test_a_damaged_section_is_refused(cut: int) -> None:
    with pytest.raises(WireError):
        SectionJoiner().join(section(1)[:cut])
