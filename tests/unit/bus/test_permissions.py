# SPDX-License-Identifier: Apache-2.0
"""What an agent may do on a shared bus."""

from netsonde.bus.permissions import agent_permissions, users


def test_an_agent_writes_what_is_its_own_and_asks_jetstream_for_what_it_follows() -> None:
    allowed = agent_permissions("second.example")["publish"]["allow"]
    assert "netsonde.flows.second=2Eexample" in allowed
    assert {"$KV.hosts.agent.second.example", "$KV.capture-status.*.second.example"} <= set(allowed)
    wide = [one for one in allowed if one.startswith("$JS") and ("KV_" not in one and "NETSONDE_" not in one)]
    assert wide == []
    assert not [one for one in allowed if "sessions" in one or "JS.ACK" in one or "STREAM.CREATE" in one]


def test_an_agent_makes_no_consumers_and_writes_to_no_inbox_of_its_choice() -> None:
    permissions = agent_permissions("h1")
    allowed = permissions["publish"]["allow"]
    assert not [one for one in allowed if "CONSUMER" in one or "DIRECT" in one or one.startswith(("$JS.FC", "_INBOX"))]
    # What an agent may store must not be among what it can have sent as it is: MSG.GET wraps it in JSON.
    assert permissions["allow_responses"]["max"] == -1


def test_an_agent_hears_definitions_and_what_is_its_own() -> None:
    heard = agent_permissions("h1")["subscribe"]["allow"]
    assert set(heard) == {
        *("netsonde.agent.h1.*", "_INBOX.agent=20h1.>", "$KV.captures.>"),
        *("$KV.capture-targets.*.h1", "$KV.capture-status.*.h1"),
    }


def test_a_host_named_like_a_wildcard_gets_no_more() -> None:
    for host in ("*", ">", "a.>"):
        states = [one for one in agent_permissions(host)["publish"]["allow"] if one.startswith("$KV")]
        assert not [one for one in states if one.endswith((".>", "agent.*", "*.*"))]


def test_the_server_has_every_right() -> None:
    server, agent = users("CN=server", [("CN=h1", "h1")])
    assert "permissions" not in server
    assert agent["permissions"] == agent_permissions("h1")
