# SPDX-License-Identifier: Apache-2.0
"""The rules of a server, for the client of asyncio."""

from typing import Generic, TypeVar, Unpack

from netsonde.client import rule_calls as calls
from netsonde.client.async_sender import AsyncSender
from netsonde.client.naming import is_uuid
from netsonde.client.rule_calls import EdgeRuleFields, EdgeRuleUpdate, NodeRuleFields, NodeRuleUpdate, RuleKind
from netsonde.model.elements import Metadata
from netsonde.model.rules import EdgeRuleView, NodeRuleView, RulePreview

V = TypeVar("V", bound=NodeRuleView | EdgeRuleView)


class _Rules(Generic[V]):
    """What both kinds share."""

    def __init__(self, client: AsyncSender, kind: RuleKind[V]) -> None:
        self._client = client
        self._kind = kind

    async def all(self) -> list[V]:
        return await self._client.send(calls.rules(self._kind))

    async def get(self, rule: str) -> V:
        if is_uuid(rule):
            return await self._client.send(calls.rule(self._kind, rule))
        return calls.named_rule(self._kind, rule, await self.all())

    async def delete(self, rule: str) -> None:
        """Delete a rule and take back what it did: nodes and edges go, metadata is again what it was below."""
        await self._client.send(calls.delete_rule(self._kind, (await self.get(rule)).uuid))


class AsyncClientNodeRules(_Rules[NodeRuleView]):
    """Rules that add a node (`create`), or lay metadata upon all nodes of a query (`update`)."""

    def __init__(self, client: AsyncSender) -> None:
        super().__init__(client, calls.NODE)

    async def create(self, action: str, *, ttl: str = "", **fields: Unpack[NodeRuleFields]) -> NodeRuleView:
        """Create a rule; it works at once, and on what appears later. After `ttl` it goes with what it did."""
        return await self._client.send(calls.create_rule(self._kind, {"action": action, **fields}, ttl))

    async def preview(self, action: str, **fields: Unpack[NodeRuleFields]) -> RulePreview:
        """Say which nodes a rule would create or update now, and with what it would conflict."""
        return await self._client.send(calls.preview_rule(self._kind, {"action": action, **fields}))

    async def update(self, rule: str, *, ttl: str = "", **fields: Unpack[NodeRuleUpdate]) -> NodeRuleView:
        """Change a rule; what it did before and does not do any more is taken back."""
        return await self._client.send(calls.patch_rule(self._kind, (await self.get(rule)).uuid, fields, ttl))


class AsyncClientEdgeRules(_Rules[EdgeRuleView]):
    """Rules that link every node of one query with every node of another, or those whose values match."""

    def __init__(self, client: AsyncSender) -> None:
        super().__init__(client, calls.EDGE)

    async def create(
        self, src: str, dst: str, metadata: Metadata, *, ttl: str = "", **fields: Unpack[EdgeRuleFields]
    ) -> EdgeRuleView:
        """Create a rule; `metadata` needs RelationType. After `ttl` it goes with its edges."""
        given = {"src": src, "dst": dst, "metadata": metadata, **fields}
        return await self._client.send(calls.create_rule(self._kind, given, ttl))

    async def preview(self, src: str, dst: str, metadata: Metadata, **fields: Unpack[EdgeRuleFields]) -> RulePreview:
        """Say which edges a rule would make now, and with what it would conflict."""
        given = {"src": src, "dst": dst, "metadata": metadata, **fields}
        return await self._client.send(calls.preview_rule(self._kind, given))

    async def update(self, rule: str, *, ttl: str = "", **fields: Unpack[EdgeRuleUpdate]) -> EdgeRuleView:
        """Change a rule; edges that it does not make any more go."""
        return await self._client.send(calls.patch_rule(self._kind, (await self.get(rule)).uuid, fields, ttl))


class AsyncClientRules:
    """The rules of a server, of both kinds. Each is called by its name, its UUID, or the beginning of that."""

    def __init__(self, client: AsyncSender) -> None:
        self.nodes = AsyncClientNodeRules(client)
        self.edges = AsyncClientEdgeRules(client)
