# SPDX-License-Identifier: Apache-2.0
"""What may be written where the cursor is: steps, tests, keys, values, words of the language. Pure, never raises.

A step is offered where it takes what the chain gives; a key where the step reads keys, those that the graph has first;
a value of a key among those that it has. Everything else is left to the reader.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Literal, TypeAlias

from netsonde.model.keys import ANY_MEMBER, Field, Key
from netsonde.model.openflow import GROUP_FIELDS, RULE_FIELDS
from netsonde.query.cursor import At, Frame, Place, place_of
from netsonde.query.graph_words import GraphWords
from netsonde.query.kinds import Kind
from netsonde.query.steps._api import StepSpec
from netsonde.query.steps._registry import MODULATORS, STEPS

MOST_ITEMS: Final = 100

ItemKind: TypeAlias = Literal["step", "predicate", "key", "value", "keyword"]


@dataclass(frozen=True, slots=True)
class Item:
    """One offer."""

    text: str
    kind: ItemKind
    info: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """Offers, the best first, each to be put in the place of the characters from `start` up to `end`."""

    start: int
    end: int
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What is known beside the steps."""

    live: GraphWords
    keys: Sequence[Key] = ()
    flow_fields: Sequence[Field] = ()
    metric_fields: Sequence[Field] = ()
    predicates: Mapping[str, str] = field(default_factory=dict)
    """By name: what it does."""


class _Shape(Enum):
    """What a step takes as arguments."""

    PAIRS = auto()
    """Keys and tests of what it gives, in turn."""
    EDGE_PAIRS = auto()
    KEY = auto()
    KEYS = auto()
    ORDER = auto()
    METADATA = auto()
    NAMES = auto()
    TIMES = auto()
    METRICS = auto()
    TRAVERSAL = auto()
    """Steps of its own, from what the step takes."""
    NOTHING = auto()


_SHAPES: Final[Mapping[str, _Shape]] = {
    **dict.fromkeys(("haskey", "hasnot", "values", "sum", "min", "max", "mean", "group", "groupcount"), _Shape.KEY),
    **dict.fromkeys(("valuemap", "dedup", "properties", "elementmap"), _Shape.KEYS),
    **dict.fromkeys(("where", "filter", "not", "and", "or", "union", "coalesce"), _Shape.TRAVERSAL),
    **dict.fromkeys(("optional", "choose", "local", "repeat"), _Shape.TRAVERSAL),
    **dict.fromkeys(("descendants", "ascendants", "neighbors", "neighbours"), _Shape.EDGE_PAIRS),
    **dict.fromkeys(("at", "context"), _Shape.TIMES),
    **dict.fromkeys(("g", "v", "e", "limit", "range", "count", "keys", "subgraph", "rawpackets", "as"), _Shape.NOTHING),
    **dict.fromkeys(("skip", "tail", "sample", "hasid", "haslabel", "constant", "aggregate", "store"), _Shape.NOTHING),
    **dict.fromkeys(("bpf", "aggregates", "morethan", "nexthop", "sockets", "changes", "diff"), _Shape.NOTHING),
    "sort": _Shape.ORDER,
    "shortestpathto": _Shape.METADATA,
    "select": _Shape.NAMES,
    "metrics": _Shape.METRICS,
}
"""Steps that are not here take pairs."""

_BARE: Final = frozenset(
    {
        *("G", "V", "E", "Count", "Keys", "SubGraph", "RawPackets", "Dedup", "Metrics", "Flows"),
        *("OfRules", "OfGroups"),
    }
)
"""Steps that are mostly written without arguments."""
_STARTS: Final = (
    Item("G.V()", "keyword", "all nodes"),
    Item("G.E()", "keyword", "all edges"),
    Item("G.Flows()", "keyword", "all flows"),
    Item("G.At('-1h')", "keyword", "the graph as it was"),
    Item("G", "keyword", "the graph"),
)
_TIMES: Final = ("-5m", "-1h", "-1d", "NOW")
_ELEMENT: Final = {Kind.NODES: "node", Kind.EDGES: "edge"}


def complete(text: str, cursor: int, words: Vocabulary) -> Completion:
    """Return what may be written at the cursor; both count characters, and any text and number will do."""
    place = place_of(text, cursor)
    follows = text[place.end : place.end + 1]
    offers = _OFFERS[place.at](place, words, follows)
    items = _ranked(offers, place.typed)
    return Completion(place.start, place.end, tuple(items[:MOST_ITEMS]))


def _ranked(offers: Iterable[Item], typed: str) -> list[Item]:
    """Return the offers that contain what is typed, those that begin with it first, each text once."""
    wanted = typed.lower()
    begins: dict[str, Item] = {}
    contains: dict[str, Item] = {}
    for item in offers:
        text = item.text.lstrip("'").lower()
        if text.startswith(wanted):
            begins.setdefault(item.text, item)
        elif len(wanted) > 1 and wanted in text:
            contains.setdefault(item.text, item)
    return [*begins.values(), *(item for text, item in contains.items() if text not in begins)]


def _start(place: Place, words: Vocabulary, follows: str) -> Iterator[Item]:
    yield from _STARTS if follows != "." else ()


def _steps(place: Place, words: Vocabulary, follows: str) -> Iterator[Item]:
    for name in sorted(place.modulators):
        modulator = MODULATORS[name]
        yield Item(modulator.name + ("" if follows == "(" else "("), "step", _first_words(modulator.read))
    # G is right everywhere and wanted nowhere but at the start.
    for name, spec in sorted(_named_steps(), key=lambda named: named[0] == "G"):
        if place.kind is None or place.kind in spec.gives:
            end = "" if follows == "(" else "()" if name in _BARE else "("
            yield Item(name + end, "step", _first_words(spec.build))


def _named_steps() -> Iterator[tuple[str, StepSpec]]:
    for spec in {spec.name: spec for spec in STEPS.values()}.values():
        yield spec.name, spec
        for alias in spec.aliases:
            yield alias, spec


def _first_words(described: Callable[..., object]) -> str:
    return " ".join((described.__doc__ or "").partition("\n\n")[0].replace("`", "").split())


def _nothing(place: Place, words: Vocabulary, follows: str) -> Iterator[Item]:
    yield from ()


def _argument(place: Place, words: Vocabulary, follows: str) -> Iterator[Item]:
    frame = place.frames[-1]
    if frame.name == "metadata":
        yield from _pairs(place, words, frame, _metadata_kind(place.frames))
    elif frame.is_step or len(place.frames) == 1:
        yield from _step_argument(place, words, frame)
    else:
        # A test: its values are those of the key before it.
        around = place.frames[-2]
        if around.arguments:
            kind = _metadata_kind(place.frames[:-1]) if around.name == "metadata" else _pairs_kind(around)
            yield from _values(place, words, kind, around.arguments[-1])


def _step_argument(place: Place, words: Vocabulary, frame: Frame) -> Iterator[Item]:
    shape = _SHAPES.get(frame.name, _Shape.PAIRS)
    given = len(frame.arguments)
    if shape in (_Shape.PAIRS, _Shape.EDGE_PAIRS):
        yield from _pairs(place, words, frame, _pairs_kind(frame))
    elif shape is _Shape.KEYS or (shape is _Shape.KEY and not given):
        yield from _keys(place, words, frame.takes)
    elif shape is _Shape.ORDER and given < 2:
        if not given and not place.quote:
            yield Item("ASC", "keyword", "ascending")
            yield Item("DESC", "keyword", "descending")
        yield from _keys(place, words, frame.takes)
    elif shape is _Shape.METADATA and given < 2 and not place.quote:
        yield Item("Metadata(", "keyword", "the end of the path" if not given else "the edges to use")
    elif shape is _Shape.TRAVERSAL and not place.quote:
        yield Item("__.", "keyword", "steps of its own")
    elif shape is _Shape.NAMES:
        yield from (Item(_in_quotes(name, place.quote), "value", "remembered by As") for name, _ in place.names)
    elif shape is _Shape.TIMES and not given:
        yield from (Item(_in_quotes(time, place.quote), "value", "time") for time in _TIMES)
    elif shape is _Shape.METRICS and not given:
        yield from (Item(_in_quotes(name, place.quote), "value", "kind of metric") for name in ("SFlow", "Ovs"))


def _metadata_kind(frames: tuple[Frame, ...]) -> Kind:
    """Return what Metadata(…) describes: the end of a path, or, as the second argument, its edges."""
    around = frames[-2] if len(frames) > 1 else None
    return Kind.EDGES if around is not None and around.arguments else Kind.NODES


def _pairs_kind(frame: Frame) -> Kind | None:
    """Return what the keys of a step's pairs are keys of."""
    if _SHAPES.get(frame.name) is _Shape.EDGE_PAIRS:
        return Kind.EDGES
    spec = STEPS.get(frame.name)
    return spec.gives.get(frame.takes) if spec is not None and frame.takes is not None else frame.takes


def _pairs(place: Place, words: Vocabulary, frame: Frame, kind: Kind | None) -> Iterator[Item]:
    if len(frame.arguments) % 2 == 0:
        yield from _keys(place, words, kind)
        return
    yield from _values(place, words, kind, frame.arguments[-1])
    if not place.quote:
        yield from (Item(f"{name}(", "predicate", doc) for name, doc in words.predicates.items())


def _keys(place: Place, words: Vocabulary, kind: Kind | None) -> Iterator[Item]:
    fields = _fields(kind, words)
    if fields:
        described = {one.key: _about(one) for one in fields if ANY_MEMBER not in one.key}
        seen: Iterable[str] = ()
    elif kind in _ELEMENT:
        on = _ELEMENT[kind]
        described = {}
        for one in words.keys:
            if one.on == on and ANY_MEMBER not in one.key:
                described.setdefault(one.key, _about(one))
        counted = words.live.keys(kind)
        # Of those that are met as often, what lies less deep is asked for more.
        seen = sorted(counted, key=lambda key: (-counted[key], key.count(".")))
    else:
        return
    for key in dict.fromkeys((*seen, *described)):
        yield Item(_in_quotes(key, place.quote), "key", described.get(key, ""))


def _fields(kind: Kind | None, words: Vocabulary) -> Sequence[Field]:
    """Return the fields of a kind that always has the same ones, () for others."""
    if kind is Kind.FLOWS:
        return words.flow_fields
    if kind is Kind.METRICS:
        return words.metric_fields
    return {Kind.OF_RULES: RULE_FIELDS, Kind.OF_GROUPS: GROUP_FIELDS}.get(kind, ()) if kind is not None else ()


def _about(one: Key | Field) -> str:
    unit = f", {one.unit}" if one.unit else ""
    return f"{one.type}{unit}: {one.description}"


def _values(place: Place, words: Vocabulary, kind: Kind | None, key: str | None) -> Iterator[Item]:
    if key is None or kind not in _ELEMENT:
        return
    for value, times in words.live.values(kind, key, place.typed):
        if isinstance(value, str):
            yield Item(_in_quotes(value, place.quote), "value", f"{times} seen")
        elif not place.quote:
            yield Item(str(value), "value", f"{times} seen")
    if key == "Type" and kind is Kind.NODES:
        kinds = dict.fromkeys(kind for one in words.keys if one.on == "node" for kind in one.types)
        yield from (Item(_in_quotes(one, place.quote), "value", "type of node") for one in kinds)


def _in_quotes(text: str, quote: str) -> str:
    """Return a text as it must be spelt within the quotes that are open already, or with quotes of its own."""
    mark = quote or "'"
    if mark == "'" and "['" in text and '"' not in text:
        # A key of a dotted name reads better with the other quotes than with escapes.
        text = text.replace("['", '["').replace("']", '"]')
    spelt = text.replace("\\", "\\\\").replace(mark, f"\\{mark}").replace("\n", "\\n").replace("\r", "\\r")
    return spelt if quote else f"'{spelt}'"


_OFFERS: Final[Mapping[At, Callable[[Place, Vocabulary, str], Iterator[Item]]]] = {
    At.START: _start,
    At.STEP: _steps,
    At.ARGUMENT: _argument,
    At.NOTHING: _nothing,
}
