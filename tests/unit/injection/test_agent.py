# SPDX-License-Identifier: Apache-2.0
"""What an agent refuses to send; what it sends is tested in namespaces."""

import msgspec
import pytest

from netsonde.errors import NotFound, UserError
from netsonde.graph import Batch, Graph
from netsonde.injection.agent import InjectionAgent
from netsonde.injection.settings import InjectSettings
from netsonde.model.injections import Injection, InjectRequest
from netsonde.probes.namespaces import NamespaceRegistry

PING = InjectRequest(Injection("u", src="G.V()", type="icmp4", count=1), "n1", "10.0.0.1", "10.0.0.2")


def an_agent(**settings: object) -> InjectionAgent:
    graph = Graph("h1", "agent.h1", lambda: 0)
    batch = Batch()
    batch.put_node("n1", "test", {"Name": "br-int", "Type": "ovsbridge"})
    graph.apply(batch)
    return InjectionAgent(graph, NamespaceRegistry(), InjectSettings(**settings))  # type: ignore[arg-type]


async def refusal(agent: InjectionAgent, request: bytes) -> UserError:
    with pytest.raises(UserError) as refused:
        await anext(aiter(agent.handle(request)))
    return refused.value


@pytest.mark.parametrize(
    ("settings", "changes", "words"),
    [
        ({"enabled": False}, {}, "switched off"),
        ({"targets": ("192.0.2.0/24",)}, {}, "may not send to 10.0.0.2"),
        ({"max_count": 5}, {"injection": msgspec.structs.replace(PING.injection, count=6)}, "inject.max_count"),
        ({}, {"node_id": "n2"}, "the interface is gone"),
        ({}, {}, "br-int is no interface"),
        (
            {},
            {"injection": msgspec.structs.replace(PING.injection, type="pcap", pcap=b"nothing of that kind, but long")},
            "Pcap cannot be replayed",
        ),
    ],
)
async def test_an_agent_has_the_last_word(settings: dict[str, object], changes: dict[str, object], words: str) -> None:
    request = msgspec.json.encode(msgspec.structs.replace(PING, **changes))
    assert words in (await refusal(an_agent(**settings), request)).message


async def test_what_is_no_request_is_refused() -> None:
    assert "no InjectRequest" in (await refusal(an_agent(), b"{}")).message


async def test_a_node_that_is_gone_is_not_found() -> None:
    request = msgspec.json.encode(msgspec.structs.replace(PING, node_id="n2"))
    assert isinstance(await refusal(an_agent(), request), NotFound)
