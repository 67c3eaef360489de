# SPDX-License-Identifier: Apache-2.0
"""Sinks of a capture: what a definition may say of them, and the reference's `Target` understood as one."""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from netsonde.captures.destinations import Destinations
from netsonde.captures.engines._registry import EngineKind
from netsonde.captures.settings import CaptureSettings
from netsonde.errors import UserError
from netsonde.model.captures import Capture, Sink

MOST: Final = 8
"""Sinks of one capture: each has a queue and a thread for each interface."""
_LEAST_TOTAL: Final = 1 << 20
_U63: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SinkKind:
    """What a kind of sink needs. `most_id` is the greatest ID, `meaning` what that is."""

    needs_packets: bool
    most_id: int
    meaning: str
    default_port: int | None = None
    """Port of a target that names none; None = the target is an address alone, or nothing."""


KINDS: Final[Mapping[str, SinkKind]] = {
    "netflow5": SinkKind(False, 65535, "engine", 2055),
    "netflow9": SinkKind(False, 2**32 - 1, "source id", 2055),
    "ipfix": SinkKind(False, 2**32 - 1, "observation domain", 4739),
    "nats": SinkKind(False, 0, "of no use here", 4222),
    "kafka": SinkKind(False, 0, "of no use here", 9092),
    "pcapng": SinkKind(True, 0, "of no use here"),
    "erspan": SinkKind(True, 1023, "session"),
    "vxlan": SinkKind(True, 2**24 - 1, "VNI", 4789),
}
_TARGET_TYPES: Final[Mapping[str, str]] = {
    "netflowv5": "netflow5",
    "erspanv1": "erspan",
    **{name: name for name in KINDS if name not in ("pcapng", "nats", "kafka")},
}
"""Kind of sink by the reference's `TargetType`."""
_MIRRORS: Final = ("erspan", "vxlan")
_LOCAL: Final = ("", "local")
TOPIC_SCHEMES: Final[Mapping[str, Sequence[str]]] = {
    "nats": ("nats://", "tls://"),
    "kafka": ("kafka://", "kafka+tls://"),
}
"""What a server's address may begin with, by the kinds of sinks that publish messages; the first is the default."""
_SUBJECT: Final = re.compile(r"[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*")
_LONGEST_SUBJECT: Final = 200
_OURS: Final = ("netsonde.", "_INBOX.")
"""What the bus itself is built of: whoever may make a capture must not speak there."""
_FOLDER: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
"""UUIDs, as captures have them: definitions come over the bus, and none may lead out of the folder for files."""


def publishes(sink: Sink) -> bool:
    """Tell whether flow records go out as messages, made outside the core."""
    return sink.type in TOPIC_SCHEMES


def sinks_of(capture: Capture) -> Sequence[Sink]:
    """Return all sinks, that of `TargetType` and `Target` first."""
    kind = _TARGET_TYPES.get(capture.target_type)
    if kind is None:
        return capture.sinks
    target = capture.target
    if kind == "erspan":
        # The reference wants a port here, and ignores it.
        target = target.rpartition(":")[0] if target.count(":") == 1 else target
    return [Sink(kind, target, id=1 if kind == "erspan" else 0), *capture.sinks]


def mirrors(capture: Capture) -> bool:
    """Tell whether packets are sent on as they are, to whoever unpacks them: into another network, say."""
    return any(sink.type in _MIRRORS for sink in sinks_of(capture))


def sink_problems(capture: Capture, engine: EngineKind | None) -> Iterator[str]:
    """Say what is wrong with a capture's sinks."""
    if capture.target_type not in (*_LOCAL, *_TARGET_TYPES):
        known = ", ".join(sorted(_TARGET_TYPES))
        yield f"TargetType {capture.target_type[:100]!r} is unknown; leave it empty, or use one of: {known}"
    if capture.target and capture.target_type in _LOCAL:
        yield "Target needs a TargetType, such as netflowv5"
    if len(capture.sinks) > MOST:
        yield f"Sinks has {len(capture.sinks)} members; {MOST} are the most"
        return
    for number, sink in enumerate(sinks_of(capture)):
        for problem in _problems(sink, engine):
            yield f"Sinks[{number}]: {problem}"


def _problems(sink: Sink, engine: EngineKind | None) -> Iterator[str]:
    kind = KINDS.get(sink.type)
    if kind is None:
        yield f"Type {sink.type[:100]!r} is unknown; use one of: {', '.join(sorted(KINDS))}"
        return
    if engine is not None and kind.needs_packets and not engine.has_packets:
        yield f"{sink.type} needs packets, and this capture's engine has none"
    if not 0 <= sink.id <= kind.most_id:
        yield f"ID must be between 0 and {kind.most_id} ({kind.meaning}), got {sink.id}"
    if sink.type == "pcapng":
        yield from _file_problems(sink)
        return
    if publishes(sink) and not is_subject(sink.subject):
        rule = "words of letters, digits, _ and - with dots between, and not netsonde.*"
        yield f"Subject {sink.subject[:100]!r} must be {rule}"
    try:
        target_of(sink)
    except ValueError as wrong:
        yield str(wrong)


def _file_problems(sink: Sink) -> Iterator[str]:
    if sink.target:
        yield "pcapng has no Target: files go to the agent's own directory"
    for name, value in (
        ("RotateBytes", sink.rotate_bytes),
        ("RotatePackets", sink.rotate_packets),
        ("RotateDuration", sink.rotate_ms * 1_000_000),
    ):
        if not 0 <= value <= _U63:
            yield f"{name} is out of range"
    if not _LEAST_TOTAL <= sink.total_bytes <= _U63:
        yield f"TotalBytes must be at least {_LEAST_TOTAL}, got {sink.total_bytes}"


def target_of(sink: Sink) -> str:
    """Return the target as the native core takes it; raises ValueError for one that makes no sense."""
    if publishes(sink):
        return _server(sink)
    port = KINDS[sink.type].default_port
    if port is None:
        return str(ipaddress.IPv4Address(sink.target)) if sink.target else _refuse(sink, "an IPv4 address")
    return _socket_address(sink, sink.target, port)


def _server(sink: Sink) -> str:
    schemes = TOPIC_SCHEMES[sink.type]
    scheme = next((scheme for scheme in schemes if sink.target.startswith(scheme)), "")
    address = _socket_address(sink, sink.target.removeprefix(scheme), KINDS[sink.type].default_port or 0)
    return f"{scheme or schemes[0]}{address}"


def _socket_address(sink: Sink, text: str, port: int) -> str:
    host, _, after = text.rpartition(":")
    if not host or "]" in after or (":" in host and not host.startswith("[")):
        host, after = text, str(port)
    try:
        address = ipaddress.ip_address(host.strip("[]"))
        number = int(after)
    except ValueError:
        return _refuse(sink, "ADDRESS or ADDRESS:PORT")
    if not 0 < number < 65536 or address.is_unspecified:
        return _refuse(sink, "ADDRESS or ADDRESS:PORT")
    return f"[{address}]:{number}" if address.version == 6 else f"{address}:{number}"


def is_subject(text: str) -> bool:
    """Tell whether messages may go to a subject of NATS, or a topic of Kafka; empty stands for the capture's own."""
    if not text:
        return True
    return len(text) <= _LONGEST_SUBJECT and bool(_SUBJECT.fullmatch(text)) and not f"{text}.".startswith(_OURS)


def _refuse(sink: Sink, wanted: str) -> str:
    raise ValueError(f"Target {sink.target[:100]!r} must be {wanted}; names are not looked up")


def destination_problems(capture: Capture, destinations: Destinations) -> Iterator[str]:
    """Say to which targets nothing may be sent; targets that make no sense are for `sink_problems`."""
    for number, sink in enumerate(sinks_of(capture)):
        if sink.type == "pcapng" or sink.type not in KINDS:
            continue
        try:
            problem = destinations.problem(target_of(sink).rpartition("/")[2])
        except ValueError:
            continue
        if problem:
            yield f"Sinks[{number}]: {problem}"


def native_sinks(capture: Capture, settings: CaptureSettings) -> list[dict[str, object]]:
    """Return the arguments of `_native.SinkSpec` for each sink; raises UserError for one that may not be fed here."""
    refused = [*destination_problems(capture, Destinations(settings.export_allow, settings.export_refuse))]
    if refused:
        raise UserError("; ".join(refused), hint="it is this agent's setting")
    return [_native(capture, sink, settings) for sink in sinks_of(capture) if not publishes(sink)]


def _native(capture: Capture, sink: Sink, settings: CaptureSettings) -> dict[str, object]:
    if sink.type != "pcapng":
        return {"kind": sink.type, "target": target_of(sink), "number": sink.id}
    if not _FOLDER.fullmatch(capture.uuid):
        raise UserError(f"the capture's UUID {capture.uuid[:100]!r} cannot name a folder", hint="create it anew")
    return {
        "kind": sink.type,
        "directory": str(Path(settings.files) / capture.uuid),
        "rotate_bytes": sink.rotate_bytes,
        "rotate_packets": sink.rotate_packets,
        "rotate_ns": sink.rotate_ms * 1_000_000,
        "total_bytes": min(sink.total_bytes, settings.files_mib << 20),
        "all_bytes": settings.files_total_mib << 20,
    }


def excluded(capture: Capture) -> list[str]:
    """Return tcpdump filters of what sinks send: a capture that saw its own mirror would feed itself for ever."""
    found = []
    for sink in sinks_of(capture):
        if sink.type == "erspan":
            found.append(f"not (ip proto 47 and dst host {sink.target})")
        elif publishes(sink):
            host, _, port = target_of(sink).rpartition("/")[2].rpartition(":")
            found.append(f"not (tcp and host {host.strip('[]')} and port {port})")
        elif sink.type != "pcapng":
            host, _, port = target_of(sink).rpartition(":")
            found.append(f"not (udp and dst host {host.strip('[]')} and dst port {port})")
    return found
