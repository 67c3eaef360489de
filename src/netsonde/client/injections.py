# SPDX-License-Identifier: Apache-2.0
"""Injected packets for programs that block."""

import threading
import time
from collections.abc import Sequence
from typing import TypedDict, Unpack

from netsonde.client.call import Call, as_json, ask, nothing, segment, tell
from netsonde.client.fields import ttl_header, wire_names
from netsonde.client.naming import named
from netsonde.client.sender import Sender
from netsonde.errors import NotFound
from netsonde.model.injections import ENDED, AuditRecord, Injection, InjectionView

POLL = 0.1
"""Seconds between two looks at an injection that is waited for."""


class InjectionFields(TypedDict, total=False):
    """`netsonde.model.injections.Injection` says what each means; what is not given keeps its default."""

    dst: str
    src_ip: str
    dst_ip: str
    src_mac: str
    dst_mac: str
    src_port: int
    dst_port: int
    type: str
    payload: str
    icmp_id: int
    count: int
    interval_ms: int
    mode: str
    increment_payload: int
    pcap: bytes
    ttl: int
    name: str
    frame: bytes
    size: int
    vlan: int
    vlan_priority: int
    dscp: int
    dont_fragment: bool
    inbound: bool
    timeout_ms: int
    time_scale: float
    dns_name: str
    dns_type: str


class ClientInjections:
    """The injections of a server, each called by its UUID."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def all(self) -> list[InjectionView]:
        return self._client.send(injections())

    def get(self, uuid: str) -> InjectionView:
        return self._client.send(injection(uuid))

    def create(self, src: str, *, expire: str = "", **fields: Unpack[InjectionFields]) -> InjectionView:
        """Inject packets from every interface that the query `src` gives; returns at once.

        `type` is icmp4 unless it is given. After `expire` (such as 1h30m) the injection deletes itself.
        """
        return self._client.send(create(src, fields, expire))

    def wait(self, uuid: str, timeout: float = 60.0) -> InjectionView:
        """Wait for the end of an injection; `status` says how it ended. Raises TimeoutError, NotFound when it goes."""
        deadline = time.monotonic() + timeout
        pause = threading.Event()
        while not is_over(view := self.get(uuid)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the injection {uuid} has not ended after {timeout:g} s")
            pause.wait(POLL)
        return view

    def delete(self, uuid: str) -> None:
        """Stop and delete it."""
        self._client.send(delete(uuid))

    def audit(self, limit: int = 100, before: int = 0) -> list[AuditRecord]:
        """Return who injected what, the latest first; `before` the record of that `number`, 0 = from the latest on."""
        return self._client.send(audit(limit, before))


def injections() -> Call[list[InjectionView]]:
    call = ask("/api/injectpacket", object)
    return call.read_by(lambda answer: list(as_json(dict[str, InjectionView])(answer).values()))


def injection(uuid: str) -> Call[InjectionView]:
    if not uuid:
        raise NotFound("an injection is called by its UUID")
    return ask(f"/api/injectpacket/{segment(uuid)}", InjectionView)


def create(src: str, fields: InjectionFields, expire: str) -> Call[InjectionView]:
    given = wire_names(fields, Injection, "injection")
    kind = {} if "pcap" in fields or "frame" in fields else {"Type": "icmp4"}
    return tell("/api/injectpacket", {"Src": src, **kind, **given}, InjectionView, ttl_header(expire))


def delete(uuid: str) -> Call[None]:
    return Call("DELETE", f"/api/injectpacket/{segment(uuid)}", nothing)


def audit(limit: int, before: int) -> Call[list[AuditRecord]]:
    return ask("/api/injectpacket/audit", list[AuditRecord], {"limit": limit, "before": before})


def is_over(view: InjectionView) -> bool:
    """Tell whether an injection has ended, one way or another."""
    return view.status is not None and view.status.state in ENDED


def named_injection(name: str, found: Sequence[InjectionView]) -> InjectionView:
    """Return the injection with this UUID, name, or beginning of a UUID; raises NotFound or UserError."""
    return named(name, found, "injection", "inject")
