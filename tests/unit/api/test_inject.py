# SPDX-License-Identifier: Apache-2.0
"""Injections over HTTP, as clients of the reference send them."""

from typing import Any

from unit.api.fakes import Fakes

BODY = {"Src": "G.V()", "Dst": "G.V()", "Type": "icmp4", "Count": 2}


def test_an_injection_is_made_shown_listed_and_deleted(client: Any, fakes: Fakes) -> None:
    made = client.post("/api/injectpacket", json=BODY)
    assert made.status_code == 201
    uuid = made.json()["UUID"]
    assert made.headers["Location"] == f"/api/injectpacket/{uuid}"
    assert client.get("/api/injectpacket").json() == {uuid: client.get(f"/api/injectpacket/{uuid}").json()}
    assert client.delete(f"/api/injectpacket/{uuid}").status_code == 200
    assert client.get(f"/api/injectpacket/{uuid}").status_code == 404
    assert client.delete(f"/api/injectpacket/{uuid}").text.startswith(f"PacketInjection '{uuid}' not found")
    assert [(one["Action"], one["Who"]) for one in client.get("/api/injectpacket/audit").json()] == [
        ("deleted", "testclient"),
        ("created", "testclient"),
    ]
    (last,) = client.get("/api/injectpacket/audit?limit=1").json()
    older = client.get(f"/api/injectpacket/audit?before={last['Number']}").json()
    assert (last["Action"], [one["Action"] for one in older]) == ("deleted", ["created"])
    assert client.get("/api/injectpacket/audit?limit=0").status_code == 400


def test_every_field_of_the_reference_is_there(client: Any) -> None:
    made = client.post("/api/injectpacket", json=BODY).json()
    assert made.keys() >= {
        *("UUID", "Src", "Dst", "SrcIP", "DstIP", "SrcMAC", "DstMAC", "SrcPort", "DstPort", "Type", "Payload"),
        *("ICMPID", "Count", "Interval", "Mode", "IncrementPayload", "StartTime", "Pcap", "TTL"),
    }
    assert (made["StartTime"], made["Pcap"], made["TTL"]) == ("0001-01-01T00:00:00Z", None, 64)


def test_what_old_clients_send_and_nobody_read_is_accepted(client: Any) -> None:
    body = {**BODY, "UUID": "mine", "TrackingID": "", "Increment": False, "Pcap": None}
    made = client.post("/api/injectpacket", json=body)
    assert (made.status_code, made.json()["UUID"] != "mine") == (201, True)


def test_a_packet_file_is_taken_and_not_given_back(client: Any) -> None:
    made = client.post("/api/injectpacket", json={**BODY, "Type": "pcap", "Pcap": "AAAA"}).json()
    listed = client.get("/api/injectpacket").json()
    one = client.get(f"/api/injectpacket/{made['UUID']}").json()
    assert [view["Pcap"] for view in (made, *listed.values(), one)] == [None, None, None]
    assert made.keys() == one.keys() >= {"Pcap", "Type", "Count"}


def test_an_unknown_member_is_refused_with_the_nearest_one(client: Any) -> None:
    refused = client.post("/api/injectpacket", json={**BODY, "Interval_": 3})
    assert refused.status_code == 400
    assert "Interval" in refused.text


def test_a_time_to_live_is_kept(client: Any, fakes: Fakes) -> None:
    made = client.post("/api/injectpacket", json=BODY, headers={"X-Resource-TTL": "5s"}).json()
    assert made["ExpiresAt"] == fakes.services().now_ms() + 5000
