# SPDX-License-Identifier: Apache-2.0
"""What `netsonde apply` has to do: files compared with what the server has, then written change by change."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from netsonde.cli.apply_files import Wanted, Wrong
from netsonde.cli.apply_kinds import KINDS, Kind, Members
from netsonde.cli.apply_marks import owner_of, with_mark
from netsonde.cli.client import Client, NoServer
from netsonde.client.call import Call, as_json, ask, nothing, segment
from netsonde.errors import UserError
from netsonde.model.elements import Json

Served = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do. `before` and `after` are whole definitions, empty where there is none."""

    action: Literal["create", "change", "delete"]
    kind: Kind
    name: str
    place: str
    before: Members
    after: Members
    uuid: str = ""
    etag: str = ""
    """Of what `before` is; the server refuses the change when it is another by then."""

    @property
    def title(self) -> str:
        return f"{self.kind.name}/{self.name}"


@dataclass(slots=True)
class Plan:
    """What to do, and what cannot be done."""

    changes: list[Change]
    wrong: list[Wrong]
    equal: int = 0


class Inventory:
    """What the server has of some kinds, and users made: captures of checks go with these."""

    def __init__(self, client: Client, kinds: Collection[str]) -> None:
        self._client = client
        self._known = {kind.name: self._listed(kind) for kind in KINDS if kind.name in kinds}

    def _listed(self, kind: Kind) -> list[Served]:
        found = self._client.get(kind.path, dict[str, dict[str, Any]])
        return [one for one in found.values() if not one.get("Owner")]

    def all(self, kind: Kind) -> list[Served]:
        return self._known[kind.name]

    def named(self, kind: Kind, name: str) -> Served | None:
        """Return the object with a name; UserError when several have it."""
        found = [one for one in self.all(kind) if one.get("Name") == name]
        if len(found) > 1:
            uuids = ", ".join(one["UUID"] for one in found)
            raise UserError(f"{len(found)} objects are called so: {uuids}", hint="rename or delete all but one")
        return found[0] if found else None

    def tagged(self, kind: Kind, uuid: str) -> tuple[Served, str]:
        """Return an object as it is now, and its ETag."""
        return self._client.send(
            ask(_path(kind, uuid), object).read_by(
                lambda answer: (as_json(dict[str, Any])(answer), answer.headers.get("etag", ""))
            )
        )


def plan(client: Client, wanted: Sequence[Wanted], wrong: Sequence[Wrong], owner: str, *, prune: bool) -> Plan:
    """Compare and check everything; nothing is written. Raises UserError when the server cannot be asked at all.

    Nothing is pruned while an object is wrong: the files may have meant the one that would go.
    """
    order = [kind.name for kind in KINDS]
    inventory = Inventory(client, order if prune else {one.kind.name for one in wanted})
    made = Plan([], [*wrong])
    for one in sorted(wanted, key=lambda one: order.index(one.kind.name)):
        try:
            change = _compared(inventory, one, owner)
            if change is None:
                made.equal += 1
                continue
            one.kind.check(one.kind, client, change.after)
            made.changes.append(change)
        except NoServer:
            raise
        except UserError as error:
            made.wrong.append(Wrong(f"{one.place}: {one.title}", error))
    if prune and not made.wrong:
        made.changes += _pruned(inventory, {one.title for one in wanted}, owner)
    return made


def _compared(inventory: Inventory, one: Wanted, owner: str) -> Change | None:
    """Return what makes an object what the files want, None when it is so already."""
    listed = inventory.named(one.kind, one.name)
    if listed is None:
        return _created(one, owner)
    maker = owner_of(listed.get("Description", ""), one.title)
    if owner and maker and maker != owner:
        raise UserError(f"it belongs to the set {maker}", hint=f"apply it with --set {maker}, or take it out of there")
    members = dict(one.members)
    if maker and "Description" in members:
        members["Description"] = with_mark(str(members["Description"]), maker, one.title)
    if not difference(listed, members):
        return None
    served, etag = inventory.tagged(one.kind, listed["UUID"])
    before = one.kind.defined(served)
    return Change("change", one.kind, one.name, str(one.place), before, {**before, **members}, listed["UUID"], etag)


def _created(one: Wanted, owner: str) -> Change:
    members = dict(one.members)
    if owner:
        members["Description"] = with_mark(str(members.get("Description", "")), owner, one.title)
    return Change("create", one.kind, one.name, str(one.place), {}, members)


def _pruned(inventory: Inventory, titles: set[str], owner: str) -> list[Change]:
    """Return the deletion of what this set made and the files no longer have."""
    found: list[Change] = []
    for kind in reversed(KINDS):
        for listed in inventory.all(kind):
            title = f"{kind.name}/{listed.get('Name', '')}"
            if title in titles or owner_of(listed.get("Description", ""), title) != owner:
                continue
            served, etag = inventory.tagged(kind, listed["UUID"])
            if owner_of(served.get("Description", ""), title) == owner:
                before = kind.defined(served)
                found.append(Change("delete", kind, listed["Name"], "", before, {}, listed["UUID"], etag))
    return found


def write(client: Client, change: Change) -> None:
    """Do one change; raises UserError, Conflict when the object was changed since it was compared."""
    path = _path(change.kind, change.uuid)
    if change.action == "create":
        client.post(change.kind.path, change.after, object)
    elif change.action == "change":
        headers = {"Content-Type": "application/merge-patch+json", "If-Match": change.etag}
        body = msgspec.json.encode(difference(change.before, change.after))
        client.send(Call("PATCH", path, nothing, body, headers))
    else:
        client.send(Call("DELETE", path, nothing, None, {"If-Match": change.etag}))


def difference(before: Mapping[str, Json], after: Mapping[str, Json]) -> dict[str, Json]:
    """Return the merge patch (RFC 7396) that gives members of `before` the values that `after` has.

    Members that `after` does not name stay; inside of a member, what `after` does not have goes.
    """
    return {name: _step(before.get(name), value) for name, value in after.items() if not _same(before, name, value)}


def _step(before: Json, after: Json) -> Json:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    return {**{name: None for name in before if name not in after}, **difference(before, after)}


def _same(before: Mapping[str, Json], name: str, value: Json) -> bool:
    return name in before and _exact(before[name]) == _exact(value)


def _exact(value: Json) -> bytes:
    """Return a value so that true and 1 differ, as they do in JSON, and the order of members does not."""
    return msgspec.json.encode(value, order="deterministic")


def _path(kind: Kind, uuid: str) -> str:
    return f"{kind.path}/{segment(uuid)}"
