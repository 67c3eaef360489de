# SPDX-License-Identifier: Apache-2.0
"""What clients published goes with them, late if it must."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from netsonde.api.services import Services
from netsonde.api.websocket import publisher
from netsonde.api.websocket.handshake import Handshake
from netsonde.api.websocket.publisher import Publishers
from netsonde.errors import SourceLost


class Declared:
    """Knows who was withdrawn; fails while the bus is away."""

    def __init__(self) -> None:
        self.withdrawn: list[str] = []
        self.is_away = False

    async def withdraw(self, origin: str) -> None:
        if self.is_away:
            raise SourceLost("the bus is away")
        self.withdrawn.append(origin)


@pytest.fixture
def declared() -> Declared:
    return Declared()


@pytest.fixture
def publishers(declared: Declared) -> Publishers:
    return Publishers(cast(Services, SimpleNamespace(declared=declared)))


def passing(host: str, *, deletes: bool = True) -> Handshake:
    facts: dict[str, Any] = {"namespaces": frozenset(), "gremlin_filter": "", "policy": "full"}
    return Handshake(host, "script", **facts, deletes_on_disconnect=deletes)


async def test_what_could_not_be_deleted_goes_when_any_publisher_connects(
    publishers: Publishers, declared: Declared
) -> None:
    async with publishers.present(passing("a")):
        declared.is_away = True
    declared.is_away = False
    declared.withdrawn.clear()
    async with publishers.present(passing("b", deletes=False)):
        assert declared.withdrawn == ["script.a"]
    async with publishers.present(passing("b", deletes=False)):
        assert declared.withdrawn == ["script.a"]


async def test_origins_that_wait_are_bounded(
    publishers: Publishers, declared: Declared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "_MOST_LEFT_BEHIND", 2)
    declared.is_away = True
    for host in "abc":
        async with publishers.present(passing(host)):
            pass
    declared.is_away = False
    async with publishers.present(passing("d", deletes=False)):
        assert declared.withdrawn == ["script.a", "script.b"]


async def test_a_client_that_fails_after_it_was_let_in_is_not_counted_for_ever(
    publishers: Publishers, declared: Declared
) -> None:
    with pytest.raises(RuntimeError):
        async with publishers.present(passing("a")):
            raise RuntimeError
    assert declared.withdrawn == ["script.a", "script.a"]


async def test_what_another_connection_publishes_under_the_same_origin_stays(
    publishers: Publishers, declared: Declared
) -> None:
    async with publishers.present(passing("a")):
        declared.withdrawn.clear()
        async with publishers.present(passing("a")):
            pass
        assert declared.withdrawn == []
