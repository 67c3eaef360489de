# SPDX-License-Identifier: Apache-2.0
"""OpenFlow rules and groups read from the words of ovs-ofctl. Pure; whatever a line says, it raises WireError at most.

Source: ofputil_flow_stats_format() in Open vSwitch's lib/ofp-flow.c, ofputil_group_format() and
ofputil_group_stats_format() in lib/ofp-group.c, ofpacts_format() in lib/ofp-actions.c. Counts are written in digits;
what is written in hexadecimal (cookies, registers, masks) stays text.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from netsonde.errors import WireError
from netsonde.model.elements import Json, Metadata

OfPort: TypeAlias = int | str
"""Number of a port, or LOCAL."""

DEFAULT_PRIORITY: Final = 32768
"""It is not written."""
LOCAL: Final = "LOCAL"
"""The bridge's own port, which OVSDB calls 65534."""

_GREATEST: Final = 2**64 - 1
"""Of a counter it means that the switch does not count."""
_FLAGS: Final = frozenset(
    {
        *("send_flow_rem", "check_overlap", "reset_counts", "no_packet_counts", "no_byte_counts"),
        *("allow_hidden_fields", "no_readonly_table"),
    }
)
_NUMBERS: Final = {
    "table": "Table",
    "n_packets": "Packets",
    "n_bytes": "Bytes",
    "idle_timeout": "IdleTimeout",
    "hard_timeout": "HardTimeout",
    "idle_age": "IdleAge",
    "importance": "Importance",
}
_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_SHORT: Final = re.compile(r"[0-9]{1,18}")
_HEX: Final = re.compile(r"0x[0-9a-f]{1,16}")
_SECONDS: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)s")
_TOKEN: Final = re.compile(r"[()\[\]{},]")
_OUTPUTS: Final = re.compile(
    r"(?:^|(?<=[(,]))(?:output:|output\(port=|enqueue:)([0-9]{1,5})"
    r"|(?:^|(?<=[(,]))(?<!resubmit\()(LOCAL)(?=[,)]|$)"
    r"|(?<=[(,])(?:members|slaves):([0-9A-Z,]+)"
)
"""`output:2`, `output(port=2,max_len=64)`, `enqueue:2:1`; `LOCAL`; `bundle(…,members:1,2)`, once called slaves."""
_BUCKET_COUNTS: Final = re.compile(r"bucket[0-9]{1,9}:packet_count=([0-9]{1,20}),byte_count=([0-9]{1,20})")


def parse_rule(line: str) -> Metadata:
    """Return the rule that a line of `ovs-ofctl dump-flows` tells (`RULE_FIELDS`); WireError when it tells none."""
    head, found, actions = line.strip().partition(" actions=")
    if not found:
        raise WireError(f"no OpenFlow rule: {line[:80]!r}")
    rule: Metadata = {"Table": 0, "Priority": DEFAULT_PRIORITY, "Cookie": "0x0"}
    loose: list[Json] = []
    for word in head.split():
        # Facts have a comma after them; flags have none, and neither has the match, which comes last.
        if word.endswith(","):
            _take(rule, word[:-1])
        else:
            loose.append(word)
    match = str(loose.pop()) if loose and loose[-1] not in _FLAGS else ""
    fields = list(_pieces(match))
    if fields and fields[0].startswith("priority="):
        rule["Priority"] = _number(fields.pop(0).removeprefix("priority="))
    rule["Match"] = ",".join(fields)
    rule["Fields"] = {key: _field(value) for key, _, value in (field.partition("=") for field in fields)}
    rule |= _actions(actions)
    if loose:
        rule["Flags"] = loose
    return rule


def ports_of(rule: Metadata) -> set[OfPort]:
    """Return the ports that a rule takes packets from, and those that it sends them to by itself."""
    fields = rule["Fields"]
    comes = fields.get("in_port") if isinstance(fields, dict) else None
    return _ports([comes]) | _ports(rule.get("Outputs"))


def mentions(ports: Collection[OfPort]) -> tuple[bytes, ...]:
    """Return texts of which every line that concerns one of the ports has at least one; few others have.

    Texts, since one regular expression for all of them took longer over 100,000 lines than ovs-ofctl itself.
    """
    words = ("in_port={}", "output:{}", "output(port={}", "enqueue:{}")
    numbers = [word.format(port).encode() for port in ports if port != LOCAL for word in words]
    return (*numbers, b"members:", b"slaves:", *([b"LOCAL"] if LOCAL in ports else [])) if ports else ()


def parse_group(line: str) -> Metadata:
    """Return the group that a line of `ovs-ofctl dump-groups` tells (`GROUP_FIELDS`); WireError when it tells none."""
    head, *buckets = _parted(line.strip())
    facts = dict(piece.partition("=")[::2] for piece in head)
    if "group_id" not in facts:
        raise WireError(f"no OpenFlow group: {line[:80]!r}")
    group: Metadata = {"GroupId": _number(facts["group_id"]), "GroupType": facts.get("type", "")}
    if "selection_method" in facts:
        group["SelectionMethod"] = facts["selection_method"]
    group["Buckets"] = [_bucket(pieces) for pieces in buckets]
    return group


def ports_of_group(group: Metadata) -> set[OfPort]:
    """Return the ports to which buckets of a group send by themselves."""
    return set().union(*(_ports(bucket.get("Outputs")) for bucket in _buckets(group) if isinstance(bucket, dict)))


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """What one group and its buckets counted: packets and bytes."""

    group_id: int
    facts: Metadata
    buckets: Sequence[tuple[int, int]]


def parse_group_counts(line: str) -> GroupCounts:
    """Return what a line of `ovs-ofctl dump-group-stats` tells; WireError when it tells nothing."""
    facts = dict(piece.partition("=")[::2] for piece in _pieces(line.strip()) if ":" not in piece)
    if "group_id" not in facts:
        raise WireError(f"no counters of an OpenFlow group: {line[:80]!r}")
    known = {"packet_count": "Packets", "ref_count": "References"}
    counted: Metadata = {ours: _number(facts[theirs]) for theirs, ours in known.items() if theirs in facts}
    # The last part of a bucket looks like the group's own, which stands before all buckets.
    own = re.search(r"(?:^|,)packet_count=[0-9]+,byte_count=([0-9]{1,20})", line)
    if own is not None:
        counted["Bytes"] = _number(own[1])
    if "duration" in facts:
        counted["Duration"] = _seconds(facts["duration"])
    buckets = [(_number(packets), _number(octets)) for packets, octets in _BUCKET_COUNTS.findall(line)]
    return GroupCounts(_number(facts["group_id"]), counted, buckets)


def counted(group: Metadata, counts: Mapping[int, GroupCounts]) -> Metadata:
    """Return a group with what it counted, where that is known."""
    found = counts.get(group["GroupId"]) if isinstance(group["GroupId"], int) else None
    if found is None:
        return group
    buckets = _buckets(group)
    for at, (packets, octets) in enumerate(found.buckets[: len(buckets)]):
        bucket = buckets[at]
        if isinstance(bucket, dict):
            buckets[at] = {**bucket, "Packets": packets, "Bytes": octets}
    return {**group, **found.facts, "Buckets": buckets}


def _take(rule: Metadata, fact: str) -> None:
    """Take in a fact such as `n_packets=3`; those that we do not know are left out."""
    name, _, value = fact.partition("=")
    if name == "cookie":
        if not _HEX.fullmatch(value):
            raise WireError(f"no cookie: {value[:40]!r}")
        rule["Cookie"] = value
    elif name == "duration":
        rule["Duration"] = _seconds(value)
    elif name in _NUMBERS:
        count = _number(value)
        if count != _GREATEST:
            rule[_NUMBERS[name]] = count


def _actions(text: str) -> Metadata:
    ports: dict[Json, None] = {}
    for number, local, members in _OUTPUTS.findall(text):
        for port in filter(None, (number, local, *members.split(","))):
            ports[int(port) if _SHORT.fullmatch(port) else port] = None
    actions: Metadata = {"Actions": [*_pieces(text)]}
    return actions | ({"Outputs": [*ports]} if ports else {})


def _parted(text: str) -> list[list[str]]:
    """Return the pieces before the first bucket, then those of each bucket."""
    parts: list[list[str]] = [[]]
    for piece in _pieces(text):
        if piece.startswith("bucket="):
            parts.append([piece.removeprefix("bucket=")])
        else:
            parts[-1].append(piece)
    return parts


def _ports(listed: Json) -> set[OfPort]:
    return {port for port in listed if isinstance(port, int | str)} if isinstance(listed, list) else set()


def _buckets(group: Metadata) -> list[Json]:
    buckets = group["Buckets"]
    return list(buckets) if isinstance(buckets, list) else []


def _bucket(pieces: Sequence[str]) -> Json:
    begin = next((at for at, piece in enumerate(pieces) if piece.startswith("actions=")), len(pieces))
    facts = dict(piece.partition(":")[::2] for piece in pieces[:begin])
    known = {"bucket_id": "ID", "weight": "Weight", "watch_group": "WatchGroup"}
    bucket: Metadata = {ours: _number(facts[theirs]) for theirs, ours in known.items() if theirs in facts}
    if "watch_port" in facts:
        bucket["WatchPort"] = _field(facts["watch_port"])
    return bucket | _actions(",".join(pieces[begin:]).removeprefix("actions="))


def _pieces(text: str) -> Iterator[str]:
    """Yield what stands between commas, those within brackets left out; WireError when brackets do not match."""
    begin = depth = 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign == ",":
            if depth == 0:
                yield text[begin : token.start()]
                begin = token.end()
        else:
            depth += 1 if sign in "([{" else -1
            if depth < 0:
                raise WireError(f"brackets do not match: {text[:80]!r}")
    if depth:
        raise WireError(f"brackets do not match: {text[:80]!r}")
    if begin < len(text):
        yield text[begin:]


def _field(value: str) -> Json:
    """Return the value of a field: a number where it is written in digits, true where there is only a name."""
    return int(value) if _SHORT.fullmatch(value) else value or True


def _number(value: str) -> int:
    if not _DIGITS.fullmatch(value) or (number := int(value)) > _GREATEST:
        raise WireError(f"no number: {value[:40]!r}")
    return number


def _seconds(value: str) -> float:
    found = _SECONDS.fullmatch(value)
    if found is None:
        raise WireError(f"no duration: {value[:40]!r}")
    return float(found[1])
