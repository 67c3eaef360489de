# SPDX-License-Identifier: Apache-2.0
"""The L3 tracking id as the meter computes it, in Arrow and in SQL. Pure.

Source of truth: `native/meter/src/ids.rs`, XXH64 (github.com/Cyan4973/xxHash, seed 0) over both addresses and ports,
the lower address first. Eight octets a row that follow from others need not be stored: what is kept is the exclusive
or with what is computed here, 0 unless an exporter numbers otherwise, so that whatever was reported comes back.
"""

import socket
from collections.abc import Mapping
from functools import reduce
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

L3_TRACKING: Final = "l3_tracking_id"
COLUMNS: Final = (
    *("network_protocol", "network_a", "network_b", "transport_protocol", "transport_a", "transport_b"),
    L3_TRACKING,
)
"""What the id is computed of, and the id."""
_PROTOCOLS: Final = {"TCP": 4, "UDP": 5, "SCTP": 6}
"""As the meter numbers them in the hash."""
_FAMILIES: Final = {"IPV4": 1, "IPV6": 2}

_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_MASK: Final = (1 << 64) - 1

Words: TypeAlias = Any
"""Array or scalar of 64 bits without a sign; arithmetic wraps."""


def mixed(columns: Mapping[str, pa.Array]) -> pa.Array:
    """Return the id column, exclusive or the computed ids: what is stored of what was reported, and the inverse.

    `columns` has `COLUMNS`, text as strings, binary or dictionaries.
    """
    return pc.bit_wise_xor(columns[L3_TRACKING], _computed(columns))


def _computed(columns: Mapping[str, pa.Array]) -> Words:
    """Return the ids of rows with addresses and ports; 0 for the others."""
    number = _numbers(columns["transport_protocol"], _PROTOCOLS)
    family = _numbers(columns["network_protocol"], _FAMILIES)
    sides = [(*_address(columns[f"network_{side}"]), columns[f"transport_{side}"].cast(pa.uint64())) for side in "ab"]
    found = pa.repeat(_word(0), len(number))
    for version, ids in ((_FAMILIES["IPV4"], _ids_4), (_FAMILIES["IPV6"], _ids_6)):
        chosen = pc.and_(pc.equal(family, _word(version)), pc.greater(number, _word(0)))
        if pc.any(chosen).as_py():
            one, other = ([words.filter(chosen) for words in side] for side in sides)
            found = pc.replace_with_mask(found, chosen, ids(one, other, number.filter(chosen)))
    return found


def _ids_4(one: list[Words], other: list[Words], number: Words) -> Words:
    ends = [pc.bit_wise_or(_left(pc.bit_wise_and(low, _word(0xFFFF_FFFF)), 16), port) for _, low, port in (one, other)]
    low, high = pc.min_element_wise(*ends), pc.max_element_wise(*ends)
    near, far = (_swap_64(_left(end, 16)) for end in (low, high))
    addresses = pc.bit_wise_or(pc.bit_wise_and(near, _word(0xFFFF_FFFF)), _left(far, 32))
    return _finished(_word(_P5 + 28), [addresses, _word(_FAMILIES["IPV4"] << 56), *_tail(low, high, number)])


def _ids_6(one: list[Words], other: list[Words], number: Words) -> Words:
    swapped = _greater(one, other)
    low = [pc.if_else(swapped, there, here) for here, there in zip(one, other, strict=True)]
    high = [pc.if_else(swapped, here, there) for here, there in zip(one, other, strict=True)]
    state = _stripe([_swap_64(word) for word in (*low[:2], *high[:2])], 52)
    return _finished(state, [_word(_FAMILIES["IPV6"] << 56), *_tail(low[2], high[2], number)])


def _tail(low: Words, high: Words, number: Words) -> list[Words]:
    """Return the words of two ports (the lower 16 bits) and the protocol.

    Its number takes eight octets in network order: four zeros after the ports, and four more octets.
    """
    return [pc.bit_wise_or(_swap_16(low), _left(_swap_16(high), 16)), _left(number, 24)]


def _encoded(column: pa.Array) -> pa.DictionaryArray:
    return column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)


def _texts(column: pa.DictionaryArray) -> list[str]:
    values = column.dictionary.to_pylist()
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]


def _numbers(column: pa.Array, numbers: Mapping[str, int]) -> Words:
    encoded = _encoded(column)
    return pa.array([numbers.get(text, 0) for text in _texts(encoded)], pa.uint64()).take(encoded.indices)


def _address(column: pa.Array) -> tuple[Words, Words]:
    """Return the upper and the lower half of addresses; what is none is 0."""
    encoded = _encoded(column)
    numbers = [_number(text) for text in _texts(encoded)]
    halves = ([number >> 64 for number in numbers], [number & _MASK for number in numbers])
    upper, lower = (pa.array(half, pa.uint64()).take(encoded.indices) for half in halves)
    return upper, lower


def _number(text: str) -> int:
    try:
        if ":" in text:
            return int.from_bytes(socket.inet_pton(socket.AF_INET6, text))
        return _MAPPED_4 | int.from_bytes(socket.inet_pton(socket.AF_INET, text))
    except (OSError, ValueError):
        return 0


_MAPPED_4: Final = 0xFFFF << 32
"""Of IPv4 addresses as IPv6 has them; so does the engine."""


def _greater(one: list[Words], other: list[Words]) -> pa.Array:
    """Tell row by row whether the words of one, the first weighs most, are greater."""
    found = pa.scalar(value=False)
    for left, right in zip(reversed(one), reversed(other), strict=True):
        found = pc.or_(pc.greater(left, right), pc.and_(pc.equal(left, right), found))
    return found


def _word(value: int) -> pa.Scalar:
    return pa.scalar(value & _MASK, pa.uint64())


def _left(words: Words, bits: int) -> Words:
    return pc.shift_left(words, _word(bits))


def _right(words: Words, bits: int) -> Words:
    return pc.shift_right(words, _word(bits))


def _turned(words: Words, bits: int) -> Words:
    return pc.bit_wise_or(_left(words, bits), _right(words, 64 - bits))


def _swap_16(words: Words) -> Words:
    upper, lower = pc.bit_wise_and(words, _word(0xFF)), pc.bit_wise_and(_right(words, 8), _word(0xFF))
    return pc.bit_wise_or(_left(upper, 8), lower)


def _swap_64(words: Words) -> Words:
    """Reverse the octets: the hash reads them as little-endian numbers."""
    for bits, mask in ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF)):
        lower, upper = pc.bit_wise_and(words, _word(mask)), pc.bit_wise_and(_right(words, bits), _word(mask))
        words = pc.bit_wise_or(_left(lower, bits), upper)
    return _turned(words, 32)


def _round(state: Words, words: Words) -> Words:
    return pc.multiply(_turned(pc.add(state, pc.multiply(words, _word(_P2))), 31), _word(_P1))


def _stripe(words: list[Words], length: int) -> Words:
    """Return the state after the first 32 octets."""
    seeds = (_P1 + _P2, _P2, 0, -_P1)
    lanes = [_round(_word(seed), each) for seed, each in zip(seeds, words, strict=True)]
    state = reduce(pc.add, (_turned(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)))
    for lane in lanes:
        merged = pc.bit_wise_xor(state, _round(_word(0), lane))
        state = pc.add(pc.multiply(merged, _word(_P1)), _word(_P4))
    return pc.add(state, _word(length))


def _finished(state: Words, words: list[Words]) -> Words:
    """Take words of eight octets, the last one of four, and mix."""
    *eights, four = words
    for each in eights:
        turned = _turned(pc.bit_wise_xor(state, _round(_word(0), each)), 27)
        state = pc.add(pc.multiply(turned, _word(_P1)), _word(_P4))
    turned = _turned(pc.bit_wise_xor(state, pc.multiply(four, _word(_P1))), 23)
    state = pc.add(pc.multiply(turned, _word(_P2)), _word(_P3))
    for bits, prime in ((33, _P2), (29, _P3)):
        state = pc.multiply(pc.bit_wise_xor(state, _right(state, bits)), _word(prime))
    return pc.bit_wise_xor(state, _right(state, 32))


def _end(side: str) -> str:
    """Return the SQL of address and port of a side."""
    address = f"substring(IPv6StringToNumOrDefault(network_{side}), if(network_protocol = 'IPV4', 13, 1))"
    return f"concat({address}, char(intDiv(transport_{side}, 256), transport_{side} % 256))"


def _sql() -> str:
    ends = f"arraySort([{_end('a')}, {_end('b')}])"
    addresses = f"arrayStringConcat(arrayMap(e -> substring(e, 1, length(e) - 2), {ends}))"
    ports = f"arrayStringConcat(arrayMap(e -> right(e, 2), {ends}))"
    zeros = "0, 0, 0, 0, 0, 0, 0"
    family = f"char({zeros}, if(network_protocol = 'IPV4', 1, 2))"
    protocol = f"char({zeros}, multiIf(transport_protocol = 'TCP', 4, transport_protocol = 'UDP', 5, 6))"
    there = f"transport_protocol IN {tuple(_PROTOCOLS)} AND network_protocol IN {tuple(_FAMILIES)}"
    return f"if({there}, xxHash64(concat({addresses}, {family}, {ports}, {protocol})), toUInt64(0))"


_COMPUTED_SQL: Final = _sql()


def mixed_sql(column: str) -> str:
    """Return the SQL of `mixed`; `column` is what is stored, or what was reported."""
    return f"bitXor({column}, {_COMPUTED_SQL})"
