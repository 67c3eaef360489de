# SPDX-License-Identifier: Apache-2.0
"""What an agent may do on a shared bus."""

from typing import Any

from netsonde.bus.permissions import account_of, accounts, agent_account, agent_permissions, server_account


def imported(kind: str, host: str) -> list[str]:
    found: list[dict[str, Any]] = agent_account("CN=x", host)["imports"]
    return [one[kind]["subject"] for one in found if kind in one]


def test_an_agent_writes_what_is_its_own_and_asks_for_what_it_follows() -> None:
    services = imported("service", "second.example")
    assert "netsonde.flows.second=2Eexample" in services
    assert {"$KV.hosts.agent.second.example", "$KV.capture-status.*.second.example"} <= set(services)
    assert "$JS.API.DIRECT.GET.KV_hosts.$KV.hosts.agent.second.example" in services
    assert not [one for one in services if any(word in one for word in ("sessions", "JS.ACK", "CREATE", "CONSUMER"))]


def test_of_who_is_there_an_agent_sees_itself_alone() -> None:
    asked = [one for one in imported("service", "h1") if "KV_hosts" in one]
    assert asked == ["$JS.API.DIRECT.GET.KV_hosts.$KV.hosts.agent.h1"]
    assert not [one for one in imported("stream", "h1") if "hosts" in one]


def test_an_agent_says_nothing_that_its_account_does_not_lead_on() -> None:
    found: list[dict[str, Any]] = agent_account("CN=h1", "h1")["imports"]
    local = [one.get("to", one["service"]["subject"]) for one in found if "service" in one]
    permissions = agent_permissions("h1")
    assert permissions["publish"]["allow"] == local
    assert not [one for one in local if one.startswith(("$JS", "_INBOX", "_R_"))]
    # It answers calls in as many parts as it likes, and nobody else.
    assert permissions["allow_responses"]["max"] == -1


def test_an_agent_hears_definitions_and_what_is_its_own() -> None:
    followed = ["$KV.captures.>", "$KV.capture-targets.*.h1", "$KV.capture-status.*.h1"]
    assert imported("stream", "h1") == followed
    heard = agent_permissions("h1")["subscribe"]["allow"]
    assert set(heard) == {"netsonde.agent.h1.*", "_INBOX.agent=20h1.>", *followed}


def test_a_host_named_like_a_wildcard_gets_no_more() -> None:
    for host in ("*", ">", "a.>"):
        states = [one for one in agent_permissions(host)["publish"]["allow"] if one.startswith("$KV")]
        assert not [one for one in states if one.endswith((".>", "agent.*", "*.*"))]


def test_what_agents_import_is_what_the_server_exports() -> None:
    exported = [one["service"] for one in server_account(["h1"])["exports"] if "service" in one]
    for subject in imported("service", "h1"):
        assert [one for one in exported if covers(one, subject)], subject


def covers(pattern: str, subject: str) -> bool:
    head = pattern.removesuffix(">").removesuffix("*")
    return subject == pattern or (pattern[-1] in ">*" and subject.startswith(head))


def test_the_server_has_the_streams_and_every_right() -> None:
    made = accounts("CN=server", [("CN=h1", "h1"), ("CN=h.2", "h.2")])
    assert list(made) == ["NETSONDE", "AGENT-h1", "AGENT-h=2E2"]
    assert made["NETSONDE"]["users"] == [{"user": "CN=server"}]
    called = [one["service"] for one in made["NETSONDE"]["imports"]]
    assert called[1] == {"account": account_of("h.2"), "subject": "netsonde.agent.h=2E2.*"}
    assert made["AGENT-h1"] == agent_account("CN=h1", "h1")
