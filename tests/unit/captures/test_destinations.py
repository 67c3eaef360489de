# SPDX-License-Identifier: Apache-2.0
"""Where sinks may send, as the administrator says."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.captures.definitions import checked
from netsonde.captures.destinations import EVERYWHERE, Destinations, place_of
from netsonde.captures.settings import CaptureSettings
from netsonde.captures.sinks import native_sinks
from netsonde.errors import UserError
from netsonde.model.captures import Capture, Sink


def is_unicast(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    forms = [address, mapped] if mapped else [address]
    return not any(one.is_multicast or one.is_unspecified or str(one) == "255.255.255.255" for one in forms)


ADDRESSES = st.ip_addresses().filter(is_unicast)


def target(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


@given(ADDRESSES, st.integers(1, 65535))
def test_every_unicast_address_is_allowed_until_it_is_excluded(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    assert EVERYWHERE.problem(target(address, port)) == ""
    excluded = f"[{address}]" if address.version == 6 else str(address)
    for refuse in (excluded, f"{excluded}:{port}", f"{excluded}:1-65535"):
        assert "capture.export_refuse has it" in Destinations(refuse=[refuse]).problem(target(address, port))
    assert Destinations(allow=[excluded]).problem(target(address, port)) == ""


@pytest.mark.parametrize("text", ["224.0.0.1:2055", "255.255.255.255:2055", "[ff02::1]:4739", "[::ffff:224.0.0.1]:1"])
def test_nothing_goes_to_many_at_once(text: str) -> None:
    assert "it is no unicast address" in EVERYWHERE.problem(text)
    assert "it is no unicast address" in Destinations(allow=["0.0.0.0/0", "::/0"]).problem(text)


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("10.1.2.3:2055", True),
        ("10.1.2.3:2056", False),
        ("[::ffff:10.1.2.3]:2055", True),
        ("192.0.2.7:4740", True),
        ("192.0.2.7:4741", False),
        ("[2001:db8::1]:1", True),
        ("10.9.0.1:2055", False),
        ("172.16.0.1", True),
        ("10.1.2.3", False),
        ("203.0.113.1:2055", False),
    ],
)
def test_networks_may_have_ports_and_exceptions(text: str, ok: bool) -> None:
    allow = ["10.0.0.0/8:2055", "192.0.2.7:4739-4740", "[2001:db8::/32]", "172.16.0.0/12"]
    assert (Destinations(allow, ["10.9.0.0/16"]).problem(text) == "") is ok


@pytest.mark.parametrize(
    "text",
    ["", "x", "10.0.0.1/8", "10.0.0.0/8:", "10.0.0.0/8:x", "10.0.0.0/8:70000", "10.0.0.0/8:9-1", "[::1", "[::]x"],
)
def test_what_is_no_network_is_refused_with_the_setting(text: str) -> None:
    with pytest.raises(ValueError, match="export_allow, export_refuse: "):
        CaptureSettings(export_allow=(text,))


@given(st.text(max_size=40))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        place = place_of(text)
    except ValueError:
        return
    assert 0 <= place.first <= place.last <= 65535


EXPORT = Capture(uuid="c1", gremlin_query="G.V()", target="192.0.2.7:2055", target_type="netflowv5")


def test_a_capture_that_exports_to_an_excluded_address_is_refused_by_the_analyzer() -> None:
    refused = Destinations(refuse=["192.0.2.0/24"])
    with pytest.raises(
        UserError, match=r"nothing may be sent to 192\.0\.2\.7:2055: the setting capture\.export_refuse"
    ):
        checked(EXPORT, lambda _: None, now_ms=0, destinations=refused)
    mirror = Capture(gremlin_query="G.V()", sinks=[Sink("pcapng"), Sink("erspan", "192.0.2.9", id=1)])
    with pytest.raises(UserError, match=r"Sinks\[1\]: nothing may be sent to 192\.0\.2\.9"):
        checked(mirror, lambda _: None, now_ms=0, destinations=refused)
    assert checked(EXPORT, lambda _: None, now_ms=0).target == "192.0.2.7:2055"


def test_an_agent_sends_only_where_its_own_settings_let_it() -> None:
    assert native_sinks(EXPORT, CaptureSettings())[0]["target"] == "192.0.2.7:2055"
    with pytest.raises(UserError, match="export_allow has it not"):
        native_sinks(EXPORT, CaptureSettings(export_allow=("10.0.0.0/8",)))
