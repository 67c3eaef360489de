# SPDX-License-Identifier: Apache-2.0
"""One cloud's Keystone and Neutron, read with OpenStack's own client. Blocking: a thread of its own runs it.

Source: Identity v3 (log-in, catalogue, `/projects`), Networking v2.0 (`GET` only, in pages, with `fields`).
Needs:  an account. What it may not see Neutron leaves out of its lists, without an error.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from netsonde.errors import SourceLost, UserError
from netsonde.openstack.objects import COLLECTIONS, Changes, Collection
from netsonde.openstack.settings import CloudSettings

if TYPE_CHECKING:
    from keystoneauth1.adapter import Adapter
    from keystoneauth1.session import Session

T = TypeVar("T")

PAGE: Final = 500
"""Objects of one answer; a server may give fewer."""
AT_ONCE: Final = 80
"""Ids in one question: its address then has some 3,500 characters."""
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST_REASON: Final = 300


class LoginRefused(SourceLost):
    """The account is not let in: to try soon again would only lock it."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who reads, as Keystone sees it."""

    user: str = ""
    project: str = ""
    roles: Sequence[str] = ()


class _Seen(msgspec.Struct, frozen=True):
    id: str
    revision_number: int = 0


class _Link(msgspec.Struct, frozen=True):
    rel: str = ""


class _Project(msgspec.Struct, frozen=True):
    id: str
    name: str = ""


class Cloud:
    """A log-in to one cloud; methods block, and raise SourceLost with the reason."""

    def __init__(self, settings: CloudSettings) -> None:
        self._settings = settings
        self._session: Session | None = None
        self._network: Adapter | None = None

    def account(self) -> Account:
        """Log in unless it is done, and tell who we are."""
        session = self._asked(self._open)
        auth: Any = session.auth
        access = self._asked(lambda: auth.get_access(session))
        return Account(access.username or "", access.project_name or "", tuple(access.role_names))

    def changes(self, kind: str, known: Mapping[str, int]) -> Changes:
        """Return how a kind differs from the revisions that are known, by id; all of it when none is."""
        what = COLLECTIONS[kind]
        if not known:
            return self._decoded(what, self._pages(what, {"fields": what.fields}))
        seen = {one.id: one.revision_number for one in self._seen(what)}
        changed = [one for one, revision in seen.items() if known.get(one) != revision]
        found = self.objects(kind, changed)
        found.gone = list(known.keys() - seen.keys())
        if not found.refused:
            # What was deleted between the two questions.
            found.gone += known.keys() & set(changed) - {one.id for one in found.put}
        return found

    def objects(self, kind: str, ids: Sequence[str]) -> Changes:
        """Return those objects of a kind that are there."""
        what, found = COLLECTIONS[kind], Changes()
        for begin in range(0, len(ids), AT_ONCE):
            asked: dict[str, Any] = {"fields": what.fields, "id": ids[begin : begin + AT_ONCE]}
            part = self._decoded(what, self._pages(what, asked))
            found.put += part.put
            found.refused += part.refused
        return found

    def projects(self) -> dict[str, str]:
        """Return names of projects by id: of all, else of those that the account has a role in."""
        for path in ("/projects", "/auth/projects"):
            answer = self._get_identity(path)
            if answer is not None:
                found = _members(answer, "projects")
                return {one.id: one.name for one in _lenient(found, _Project) if one is not None}
        return {}

    def close(self) -> None:
        if self._session is not None:
            self._session.session.close()
            self._session = self._network = None

    def _open(self) -> "Session":
        if self._session is None:
            # OpenStack's client takes 45 MB and a second: only where there is a cloud to read.
            from netsonde.openstack.login import open_session

            self._session, self._network = open_session(self._settings)
        return self._session

    def _asked(self, ask: Callable[[], T]) -> T:
        from netsonde.openstack.login import explained

        try:
            return ask()
        except (SourceLost, UserError):
            raise
        except Exception as failed:
            raise explained(failed, self._settings) from failed

    def _seen(self, what: Collection) -> Iterator[_Seen]:
        for page in self._pages(what, {"fields": ["id", "revision_number"]}):
            yield from (one for one in _lenient(page, _Seen) if one is not None and _UUID.fullmatch(one.id))

    def _pages(self, what: Collection, asked: Mapping[str, Any]) -> Iterator[list[msgspec.Raw]]:
        marker, count = "", 0
        while True:
            paging = {"limit": PAGE, "sort_key": "id", "sort_dir": "asc"} | ({"marker": marker} if marker else {})
            answer = self._get_network(what, {**asked, **paging})
            if answer is None:
                if marker:
                    raise SourceLost(f"the list of {what.path} changed while it was read")
                return
            page = _members(answer, what.member)
            count += len(page)
            if count > self._settings.max_ports:
                raise SourceLost(f"the cloud has more than max_ports = {self._settings.max_ports} {what.path}")
            yield page
            last = next(_lenient(page[-1:], _Seen), None)
            if not _has_next(answer, what.member) or last is None or last.id <= marker:
                return
            marker = last.id

    def _get_network(self, what: Collection, asked: Mapping[str, Any]) -> bytes | None:
        """Return an answer of Neutron; None where it has no such thing (no router extension, say) or refuses it."""
        self._asked(self._open)
        assert self._network is not None
        return self._get(self._network, f"/{what.path}", asked)

    def _get_identity(self, path: str) -> bytes | None:
        from keystoneauth1.adapter import Adapter
        from keystoneauth1.plugin import AUTH_INTERFACE

        session = self._asked(self._open)
        keystone = Adapter(session, service_type="identity", interface=AUTH_INTERFACE, version="3")  # type: ignore[arg-type]
        return self._get(keystone, path, {})

    def _get(self, service: "Adapter", path: str, asked: Mapping[str, Any]) -> bytes | None:
        answer = self._asked(lambda: service.get(path, params=asked, raise_exc=False, redirect=False, log=False))
        if answer.status_code in (403, 404):
            return None
        if answer.status_code != 200:
            reason = _text(answer.content)
            raise SourceLost(f"{service.service_type} service of the cloud answers {answer.status_code}: {reason}")
        return bytes(answer.content)

    def _decoded(self, what: Collection, pages: Iterable[list[msgspec.Raw]]) -> Changes:
        found = Changes()
        for page in pages:
            for one in _lenient(page, what.type):
                if one is not None and _UUID.fullmatch(one.id):
                    found.put.append(one)
                else:
                    found.refused += 1
        return found


def _members(answer: bytes, name: str) -> list[msgspec.Raw]:
    """Return the members of a list, each to be decoded by itself: one that is wrong shall not cost the others."""
    try:
        return _split(answer, name)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError) as bad:
        try:
            return _split(_mended(answer), name)
        except (msgspec.MsgspecError, ValueError, RecursionError, KeyError):
            raise SourceLost(f"the cloud answers something else than a list of {name}: {_text(answer)}") from bad


def _split(answer: bytes, name: str) -> list[msgspec.Raw]:
    members = msgspec.json.decode(answer, type=dict[str, msgspec.Raw])
    return msgspec.json.decode(members[name], type=list[msgspec.Raw])


def _mended(answer: bytes) -> bytes:
    """Return an answer without halves of surrogate pairs: Python writes them, and one name must not hide all else."""
    return json.dumps(json.loads(answer), ensure_ascii=False).encode(errors="replace")


def _has_next(answer: bytes, name: str) -> bool:
    try:
        links = _members(answer, f"{name}_links")
    except SourceLost:
        return False
    return any(link is not None and link.rel == "next" for link in _lenient(links, _Link))


def _lenient(raws: Iterable[msgspec.Raw], kind: type[T]) -> Iterator[T | None]:
    """Yield what can be decoded, None for what cannot."""
    decoder = msgspec.json.Decoder(kind)
    for raw in raws:
        try:
            yield decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            yield None


def _text(answer: bytes) -> str:
    return answer[:_MOST_REASON].decode(errors="replace")
