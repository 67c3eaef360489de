# SPDX-License-Identifier: Apache-2.0
"""What a capture may say: every field checked at once, when it is created or changed, with what to do about it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from netsonde.captures.destinations import EVERYWHERE, Destinations
from netsonde.captures.engines._registry import KINDS, EngineKind, engine_name
from netsonde.captures.sinks import destination_problems, sink_problems, sinks_of
from netsonde.errors import Conflict, UserError
from netsonde.model.captures import Capture
from netsonde.query import StandingQuery, compile_standing, parse

CheckFilter = Callable[[str], None]
"""Compiles a tcpdump filter; raises ValueError with the compiler's words."""

_U32: Final = 2**32 - 1
_U63: Final = 2**63 - 1
_DAY_MS: Final = 86_400_000
_RANGES: Final[tuple[tuple[str, str, int, int, str], ...]] = (
    ("port", "Port", 0, 65535, "0 = the engine's own"),
    ("sampling_rate", "SamplingRate", 0, _U32, "one packet in so many"),
    ("polling_interval", "PollingInterval", 0, _U32, "seconds"),
    ("raw_packet_limit", "RawPacketLimit", -1, 1_000_000, "packets per flow; -1 = all that the ring holds"),
    ("extra_layers", "ExtraLayers", 0, 255, "VRRP=1, DNS=2, DHCPv4=4, all=255"),
    ("unmatch_grace_ms", "UnmatchGrace", 0, _DAY_MS, "milliseconds, at most a day"),
    ("first_packets", "FirstPackets", 0, 1_000_000, "packets kept whole on each interface"),
    ("max_packets", "MaxPackets", 0, _U63, "0 = no limit"),
    ("max_bytes", "MaxBytes", 0, _U63, "0 = no limit"),
    ("max_duration_ms", "MaxDuration", 0, _U63 // 1_000_000, "milliseconds, 0 = no limit"),
)
_LAYER_KEY_MODES: Final = ("L2", "L3")
_PACKETS: Final = (
    ("bpf_filter", "BPFFilter"),
    ("header_size", "HeaderSize"),
    ("first_packets", "FirstPackets"),
    ("raw_packet_limit", "RawPacketLimit"),
)
_NONE: Final[Mapping[str, int]] = {"first_packets": 0, "raw_packet_limit": 0}
"""What asks for nothing, as some clients do of every engine."""
_EVERY_PACKET: Final = (
    ("extra_tcp_metric", "ExtraTCPMetric"),
    ("reassemble_tcp", "ReassembleTCP"),
    ("ip_defrag", "IPDefrag"),
)
_LISTENING: Final = (("port", "Port"),)
_SAMPLING: Final = (("sampling_rate", "SamplingRate"), ("polling_interval", "PollingInterval"))


_DEFAULTS: Final = Capture()


def checked(
    capture: Capture, check_filter: CheckFilter, *, now_ms: int, destinations: Destinations = EVERYWHERE
) -> Capture:
    """Return the definition, defaults filled in.

    Raises UserError for the first problem of the query, or else for all other problems at once.
    """
    compiled(capture)
    problems = [*_range_problems(capture), *_choice_problems(capture), *_filter_problems(capture, check_filter)]
    problems += destination_problems(capture, destinations)
    if 0 < capture.expires_at <= now_ms:
        problems.append("ExpiresAt is in the past")
    if problems:
        raise UserError("; ".join(problems), hint="see the reference of the capture resource for each field's range")
    return msgspec.structs.replace(capture, layer_key_mode=capture.layer_key_mode or "L2")


def compiled(capture: Capture) -> StandingQuery:
    """Return the standing form of a capture's query; raises UserError with the place of any mistake."""
    if not capture.gremlin_query.strip():
        raise UserError(
            "GremlinQuery is empty: a capture must say which nodes it wants",
            hint="for example G.V().HasKey('ExtID.vm-id')",
        )
    return compile_standing(parse(capture.gremlin_query))


def refuse_duplicate(capture: Capture, others: Iterable[Capture], *, now_ms: int) -> None:
    """Raise Conflict when a capture with the same engine, query and filter is there already."""
    for other in others:
        if other.uuid != capture.uuid and not is_expired(other, now_ms) and _identity(other) == _identity(capture):
            raise Conflict(
                f"the capture {other.uuid} has the same query and filter",
                hint="use that one, or change or delete it first",
            )


def is_expired(capture: Capture, now_ms: int) -> bool:
    """Tell whether the capture's time is over."""
    return 0 < capture.expires_at <= now_ms


def tap_options(capture: Capture) -> tuple[object, ...]:
    """Return what a running tap was told; a tap must be started anew when it changes."""
    return (
        engine_name(capture.type),
        capture.bpf_filter,
        capture.raw_packet_limit,
        capture.header_size,
        capture.wants_tcp_metric,
        capture.layer_key_mode,
        capture.ip_defrag,
        capture.first_packets,
        capture.max_packets,
        capture.max_bytes,
        capture.max_duration_ms,
        capture.port,
        capture.sampling_rate,
        capture.polling_interval,
        sinks_of(capture),
    )


def _identity(capture: Capture) -> tuple[str, str, str, str]:
    return engine_name(capture.type), capture.gremlin_query.strip(), capture.bpf_filter.strip(), capture.owner


def _range_problems(capture: Capture) -> Iterator[str]:
    for attribute, name, least, most, meaning in _RANGES:
        value = getattr(capture, attribute)
        if not least <= value <= most:
            yield f"{name} must be between {least} and {most} ({meaning}), got {value}"
    if capture.header_size != 0 and not 14 <= capture.header_size <= 65535:
        yield f"HeaderSize must be 0 (the default) or between 14 and 65535 bytes, got {capture.header_size}"


def _choice_problems(capture: Capture) -> Iterator[str]:
    engine = None
    try:
        engine = KINDS[engine_name(capture.type)]
    except UserError as unknown:
        yield str(unknown)
    else:
        yield from _engine_problems(capture, engine)
    yield from sink_problems(capture, engine)
    if capture.layer_key_mode not in ("", *_LAYER_KEY_MODES):
        yield f"LayerKeyMode must be L2 or L3, got {capture.layer_key_mode[:100]!r}"


def _engine_problems(capture: Capture, engine: EngineKind) -> Iterator[str]:
    """Name what the engine cannot honour: what is accepted and does nothing misleads."""
    for has, options, why in (
        (engine.has_packets, _PACKETS, "it has no packets"),
        (engine.has_every_packet, _EVERY_PACKET, "it does not see every packet"),
        (engine.listens, _LISTENING, "nothing is sent to it"),
        (engine.samples, _SAMPLING, "it does not sample"),
    ):
        for attribute, name in options:
            asked = getattr(capture, attribute)
            if not has and asked not in (getattr(_DEFAULTS, attribute), _NONE.get(attribute)):
                yield f"{name} is of no use to the engine {engine_name(capture.type)!r}: {why}"


def _filter_problems(capture: Capture, check_filter: CheckFilter) -> Iterator[str]:
    if not capture.bpf_filter.strip():
        return
    try:
        check_filter(capture.bpf_filter)
    except ValueError as refused:
        yield f"BPFFilter {capture.bpf_filter[:200]!r} is no tcpdump filter: {refused}"
