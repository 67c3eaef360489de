# SPDX-License-Identifier: Apache-2.0
"""Rows kept true by recorded and by hostile updates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import WireError
from netsonde.model.elements import Json
from netsonde.probes.ovsdb.monitor import Replica
from unit.probes.ovsdb.lab import recording, replica, row_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Port", "modify", "tag", "x"]), inner),
)


def test_first_answer_has_bridges_ports_and_interfaces() -> None:
    found = replica()
    assert len(found.rows["Bridge"]) == 2
    vxlan = found.rows["Interface"][row_of(found, "Interface", "vxlan-1")]
    assert vxlan["type"] == ("vxlan",)
    assert vxlan["options"] == {"key": "flow", "local_ip": "127.0.0.1", "remote_ip": "192.0.2.9"}


def test_recorded_changes_of_maps_and_sets_are_differences() -> None:
    found, notes = replica(), recording()["notes"]
    found.update(notes[0]["params"][2])
    tap, port = row_of(found, "Interface", "tap1"), row_of(found, "Port", "tap1")
    assert found.rows["Interface"][tap]["external_ids"] == {
        "attached-mac": "fa:16:3e:f8:7a:ca",
        "iface-id": "bd32",
        "vm-id": "8a56",
    }
    assert found.rows["Port"][port]["tag"] == (7,)
    bridge = row_of(found, "Bridge", "br-int")
    assert port in found.rows["Bridge"][bridge]["ports"]

    for note in notes[1:5]:
        found.update(note["params"][2])
    assert found.rows["Interface"][tap]["external_ids"] == {"attached-mac": "fa:16:3e:f8:7a:ca", "iface-id": "other"}
    assert found.rows["Interface"][tap]["ofport"] == (3,)
    assert found.rows["Port"][port]["tag"] == ()
    assert set(found.rows["Port"][port]["trunks"]) == {1, 3}

    touched = found.update(notes[5]["params"][2])
    assert ("Interface", tap) in touched
    assert tap not in found.rows["Interface"]
    assert port not in found.rows["Bridge"][bridge]["ports"]


def test_columns_that_an_older_server_lacks_are_not_asked_for() -> None:
    schema = recording()["schema"]
    del schema["tables"]["Port"]["columns"]["protected"]
    found = Replica()
    found.use_schema(schema)
    assert "protected" not in str(found.requests()["Port"])
    assert "tag" in str(found.requests()["Port"])


def test_all_rows_anew_replace_those_that_were_known_and_tell_which_are_gone() -> None:
    found, first = replica(), recording()["first"][2]
    bridge, kept = row_of(found, "Bridge", "br-int"), row_of(found, "Bridge", "br-tun")
    del first["Bridge"][bridge]
    touched = found.update(first, anew=True)
    assert {("Bridge", bridge), ("Bridge", kept)} <= touched
    assert set(found.rows["Bridge"]) == {kept}


@pytest.mark.parametrize("anew", [False, True])
def test_update_that_is_half_rubbish_changes_nothing(anew: bool) -> None:
    found, untouched = replica(), replica()
    bridge = row_of(found, "Bridge", "br-int")
    with pytest.raises(WireError, match="is no object"):
        found.update({"Bridge": {bridge: {"delete": None}}, "Port": []}, anew=anew)
    assert found.rows == untouched.rows


def test_change_of_a_row_that_was_never_told_is_refused() -> None:
    found = replica()
    with pytest.raises(WireError, match="row u of Port is changed and was never told"):
        found.update({"Port": {"u": {"modify": {"tag": 7}}}})
    assert "u" not in found.rows["Port"]


@pytest.mark.parametrize(
    "update",
    [
        None,
        [],
        {"Port": []},
        {"Port": {"u": {"modify": []}}},
        {"Port": {"u": {}}},
        {"Port": {"u": {"insert": {"name": ["map", [1]]}}}},
    ],
)
def test_rubbish_is_refused(update: Json) -> None:
    with pytest.raises(WireError):
        replica().update(update)


@given(JSON)
def test_any_json_is_taken_or_refused(update: Json) -> None:
    found = Replica()
    found.use_schema(recording()["schema"])
    try:
        found.update(update)
    except WireError:
        return
