# SPDX-License-Identifier: Apache-2.0
"""What an injection may say: every field checked at once when it is created, with what to do about it."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from netsonde.errors import UserError
from netsonde.injection.settings import InjectSettings
from netsonde.model.injections import PACKET_TYPES, RECORD_TYPES, Injection

_U16: Final = 65535
_RANGES: Final[tuple[tuple[str, str, int, int, str], ...]] = (
    ("src_port", "SrcPort", 0, _U16, "0 = a random one"),
    ("dst_port", "DstPort", 0, _U16, "0 = one that suits the type"),
    ("icmp_id", "ICMPID", 0, _U16, "0 = a random one"),
    ("interval_ms", "Interval", 0, 3_600_000, "milliseconds"),
    ("increment_payload", "IncrementPayload", 0, 9000, "bytes"),
    ("ttl", "TTL", 0, 255, "0 = 64"),
    ("size", "Size", 0, 65_000, "bytes of payload"),
    ("vlan", "VLAN", 0, 4094, "0 = no tag"),
    ("vlan_priority", "VLANPriority", 0, 7, "priority code point"),
    ("dscp", "DSCP", 0, 63, "differentiated services code point"),
    ("timeout_ms", "Timeout", 1, 60_000, "milliseconds"),
)
_MODES: Final = ("unique", "random")
_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII | re.IGNORECASE)
_LONGEST_NAME: Final = 253
_MOST_PCAP: Final = 512 * 1024
"""A NATS server that was left as it comes takes messages of 1 MiB, and base64 lengthens by a third."""
_LONGEST_TEXT: Final = 10_000
FRAMES: Final = ("raw", "pcap")
"""Types whose frames are sent as they are."""


def checked(injection: Injection, settings: InjectSettings) -> Injection:
    """Return the definition, defaults filled in. Raises UserError that names every wrong field."""
    if not settings.enabled:
        raise UserError("packet injection is switched off here", hint="the setting inject.enabled allows it")
    injection = _filled(injection)
    problems = [
        *_range_problems(injection, settings),
        *_choice_problems(injection),
        *_address_problems(injection, settings),
        *_content_problems(injection, settings),
    ]
    if problems:
        raise UserError("; ".join(problems), hint="GET /api/openapi.json describes every field")
    return injection


def address_of(text: str) -> str:
    """Return an address without its prefix length; raises ValueError."""
    return str(ipaddress.ip_interface(text).ip)


def family_of(kind: str) -> int:
    """Return 4 or 6: what the addresses of a type of packet must be."""
    return 6 if kind in ("icmp6", "tcp6", "udp6", "dns6", "nd") else 4


def _filled(injection: Injection) -> Injection:
    kind = injection.type.lower()
    if injection.pcap:
        kind = "pcap"
    elif injection.frame and not kind:
        kind = "raw"
    return msgspec.structs.replace(
        injection,
        type=kind,
        mode=injection.mode or "unique",
        ttl=injection.ttl or 64,
        count=injection.count or (0 if kind == "pcap" else 1),
        dns_type=injection.dns_type.upper() or "A",
    )


def _range_problems(injection: Injection, settings: InjectSettings) -> Iterator[str]:
    for attribute, name, least, most, meaning in _RANGES:
        value = getattr(injection, attribute)
        if not least <= value <= most:
            yield f"{name} must be between {least} and {most} ({meaning}), got {value}"
    if not 0 <= injection.count <= settings.max_count:
        yield f"Count must be between 0 and {settings.max_count} (inject.max_count), got {injection.count}"
    if not 0 <= injection.time_scale <= 1000:
        yield f"TimeScale must be between 0 and 1000 (2 = twice as fast), got {injection.time_scale:g}"


def _choice_problems(injection: Injection) -> Iterator[str]:
    if not injection.src.strip():
        yield "Src is empty: a query must say which interfaces send, for example G.V().Has('Name', 'eth0')"
    for name, text in (("Src", injection.src), ("Dst", injection.dst), ("Name", injection.name)):
        if len(text) > _LONGEST_TEXT:
            yield f"{name} must have at most {_LONGEST_TEXT} characters, got {len(text)}"
    if injection.type not in PACKET_TYPES:
        yield f"Type must be one of {', '.join(PACKET_TYPES)}, got {injection.type[:40]!r}"
    if injection.mode not in _MODES:
        yield f"Mode must be unique or random, got {injection.mode[:40]!r}"
    if injection.dns_type not in RECORD_TYPES:
        yield f"DNSType must be one of {', '.join(RECORD_TYPES)}, got {injection.dns_type[:40]!r}"


def _address_problems(injection: Injection, settings: InjectSettings) -> Iterator[str]:
    for name, text in (("SrcMAC", injection.src_mac), ("DstMAC", injection.dst_mac)):
        if text and not _MAC.fullmatch(text):
            yield f"{name} must be a MAC address such as 02:00:00:00:00:01, got {text[:40]!r}"
    family = family_of(injection.type)
    for name, text in (("SrcIP", injection.src_ip), ("DstIP", injection.dst_ip)):
        problem = _wrong_address(name, text, family) if text else ""
        if problem:
            yield problem
        elif text and name == "DstIP" and not settings.allows(address_of(text)):
            yield f"DstIP {address_of(text)} is outside of the networks that inject.targets allows"


def _wrong_address(name: str, text: str, family: int) -> str:
    try:
        address = ipaddress.ip_address(address_of(text))
    except ValueError:
        return f"{name} must be an IP address, with or without a prefix length, got {text[:60]!r}"
    return "" if address.version == family else f"{name} must be an IPv{family} address for this Type, got {address}"


def _content_problems(injection: Injection, settings: InjectSettings) -> Iterator[str]:
    if injection.type == "pcap" and not injection.pcap:
        yield "Pcap is empty: type pcap replays a packet file, sent as base64"
    if injection.pcap and len(injection.pcap) > _MOST_PCAP:
        yield f"Pcap must have at most {_MOST_PCAP} bytes, got {len(injection.pcap)}"
    if injection.type == "raw" and not 14 <= len(injection.frame or b"") <= 65_535:
        yield "Frame must be a whole Ethernet frame of 14 to 65535 bytes, sent as base64, for type raw"
    if injection.type in FRAMES and settings.targets:
        yield f"Type {injection.type} is refused where inject.targets restricts the targets: frames go where they say"
    if injection.type in ("dns4", "dns6") and not 0 < len(injection.dns_name.encode()) <= _LONGEST_NAME:
        yield f"DNSName must be a name of 1 to {_LONGEST_NAME} bytes for type {injection.type}"
    if any(len(label.encode()) > 63 for label in injection.dns_name.split(".")):
        yield "DNSName must not have a label of more than 63 bytes"
    longest = len(injection.payload.encode()) + injection.count * injection.increment_payload
    if longest > 65_000:
        yield f"Payload would grow to {longest} bytes by IncrementPayload; at most 65000 fit a packet"
