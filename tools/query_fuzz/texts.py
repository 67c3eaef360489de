# SPDX-License-Identifier: Apache-2.0
"""Queries to try: valid chains of every registered step, texts that are nearly valid, and hostile ones.

A new step needs nothing here: its name and kinds come from the registry, shapes of its arguments from the examples in
its docstring, and whatever else the parser accepts is found by trying.
"""

import random
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from netsonde.errors import UserError
from netsonde.query import parse
from netsonde.query.predicates import PREDICATES
from netsonde.query.steps._api import StepSpec
from netsonde.query.steps._registry import MODULATORS, STEPS


class Trial(NamedTuple):
    """One request: to run a query, or to explain or check it."""

    text: str
    bindings: dict[str, Any] | None = None
    path: str = "/api/topology"
    accept: str = "application/json"


_MODULATOR: Final = re.compile(rf"\.(?:{'|'.join(spec.name for spec in MODULATORS.values())})\(")
_SPECS: Final = list({spec.name: spec for spec in STEPS.values()}.values())
_KEYS: Final = [
    "'Name'",
    "'Type'",
    "'MTU'",
    "'ExtID.vm-id'",
    "'IPV4'",
    "'@ID'",
    "'@CreatedAt'",
    "'State'",
    "'Nope'",
    "'Text'",
    "'Ring'",
    "'TID'",
    "'RelationType'",
    "'FDB.MAC'",
]
_VALUES: Final = [
    "'a'",
    "'veth'",
    "'tuntap'",
    "'host'",
    "'UP'",
    "'layer2'",
    "'ownership'",
    "'h1'",
    "'tap5'",
    "1500",
    "0",
    "1",
    "-1",
    "2.5",
    "1e300",
    "99999999999999999999",
    "true",
    "null",
    "''",
    "NOW",
    "DESC",
    "ASC",
    "'-5m'",
    "'1h'",
    "'10.0.0.0/8'",
    "'.*'",
    "'(a+)+$'",
    "3",
    "10",
    "100000",
]
_EXPLOSIONS: Final = ["Both()", "Out()", "In()", "BothE().BothV()", "Both().Dedup()", "Neighbors(50)", "Descendants(0)"]
_PATTERNS: Final = [
    "(a+)+$",
    "((a|b)*c)*d",
    "(x?){500}x{500}",
    "([a-z]+[0-9]*)+!",
    ".*.*.*.*=.*",
    "((((a?){9}){9}){9})b",
]


def trial(pick: random.Random) -> Trial:
    """Return the next request to make."""
    kind = pick.random()
    text = valid(pick) if kind < 0.35 else nearly_valid(pick) if kind < 0.5 else ""
    found = Trial(text) if text else pick.choice(_HOSTILE)(pick)
    way = pick.random()
    if way < 0.1:
        return found._replace(path="/api/query/explain")
    if way < 0.15:
        return found._replace(path="/api/query/check")
    return found._replace(accept="text/vnd.graphviz, application/json;q=0.5") if way < 0.2 else found


def valid(pick: random.Random, *, steps: int = 6) -> str:
    """Return a chain that the parser accepts."""
    text = "G"
    for _ in range(pick.randint(1, steps)):
        takes = parse(text).kind
        usable = [spec for spec in _SPECS if takes in spec.gives]
        if not usable:
            break
        text = extended(pick, text, pick.choice(usable)) or text
    return text


def nearly_valid(pick: random.Random) -> str:
    """Return a valid chain with a few characters gone, doubled, swapped or foreign."""
    text = list(valid(pick))
    for _ in range(pick.randint(1, 3)):
        at = pick.randrange(len(text)) if text else 0
        change = pick.choice(["drop", "double", "swap", "foreign", "cut"])
        if change == "drop":
            del text[at : at + 1]
        elif change == "double":
            text[at:at] = text[at : at + pick.randint(1, 12)]
        elif change == "cut":
            del text[at:]
        else:
            text[at : at + 1] = pick.choice(
                ["(", ")", ".", ",", "'", "\\", "\0", "\ud83d", "9", "G", "/*", "\U0001f600", "$"]
            )
    return "".join(text) or "G"


def extended(pick: random.Random, text: str, spec: StepSpec) -> str:
    """Return the text with one step more, "" when no arguments were found that fit."""
    for _ in range(12):
        longer = f"{text}.{spec.name}{_arguments(pick, spec)}"
        try:
            parse(longer)
        except UserError:
            continue
        return longer
    return ""


def _arguments(pick: random.Random, spec: StepSpec) -> str:
    examples = _examples(spec.name, spec.build.__doc__ or "")
    if examples and pick.random() < 0.4:
        return pick.choice(examples)
    return f"({', '.join(_argument(pick, at) for at in range(pick.choice([0, 0, 1, 1, 2, 2, 3, 4])))})"


def _examples(name: str, text: str) -> list[str]:
    """Return the parentheses of a step wherever a text shows it, with the modulators behind them."""
    found = []
    for start in re.finditer(rf"\b{name}\(", text):
        end = _closed(text, start.end())
        while modulator := _MODULATOR.match(text, end):
            end = _closed(text, modulator.end())
        found.append(text[start.end() - 1 : end])
    return found


def _closed(text: str, at: int) -> int:
    """Return the position behind the parenthesis that was opened right before one."""
    depth = 1
    while depth and at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at


def _argument(pick: random.Random, at: int) -> str:
    if at % 2 == 0 and pick.random() < 0.6:
        return pick.choice(_KEYS)
    if pick.random() < 0.25:
        name = pick.choice([*PREDICATES, "Metadata"])
        return f"{name}({', '.join(pick.choice(_KEYS + _VALUES) for _ in range(pick.randint(0, 2)))})"
    return pick.choice(_VALUES)


def _chain(pick: random.Random) -> Trial:
    steps = "".join(f".{pick.choice(_EXPLOSIONS)}" for _ in range(pick.randint(3, 40)))
    return Trial(
        f"G.V(){steps}{pick.choice(['', '.Count()', '.Dedup().Count()', '.Values(@).Count()'])}".replace("@", "'Name'")
    )


def _deep(pick: random.Random) -> Trial:
    depth = pick.choice([10, 17, 500, 10_000])
    return Trial(f"G.V().Has('Name', {'Without(' * depth}1{')' * depth})")


def _long(pick: random.Random) -> Trial:
    many = pick.choice([100, 2_000, 15_000])
    return Trial(
        pick.choice(
            [
                "G" + ".V()" * many,
                "G.V(" + "'a'," * many + ")",
                "G.V().Has('Name', '" + "x" * many * 4 + "')",
                "G" + ".V().Has('MTU', Gt(1))" * min(many, 400),
                "G." * many,
                "(" * many,
            ]
        )
    )


def _pattern(pick: random.Random) -> Trial:
    key = pick.choice(["Text", "Name", "Ring"])
    return Trial(f"G.V().Has('{key}', Regex('{pick.choice(_PATTERNS)}')){pick.choice(['', '.Count()'])}")


def _large_answer(pick: random.Random) -> Trial:
    return Trial(
        pick.choice(
            [
                "G",
                "G.V()",
                "G.E()",
                "G.V().Both()",
                "G.V().Out().Out()",
                "G.V().SubGraph()",
                "G.E().SubGraph()",
                "G.V().ValueMap('Name', 'Type', 'Text')",
                "G.V().Values('FDB')",
                "G.V().Keys()",
            ]
        )
    )


def _sort(pick: random.Random) -> Trial:
    return Trial(
        f"G.V(){pick.choice(['', '.Both()', '.Both().Both()'])}.Sort({pick.choice(['', 'DESC, '])}{pick.choice(_KEYS)})"
    )


def _paths(pick: random.Random) -> Trial:
    start = pick.choice(["G.V()", "G.V().Has('Type', 'tuntap')", "G.V().Has('Ring', 'r1')", "G.V().Has('Name', 'h3')"])
    target = pick.choice(["'Type', 'switch'", "'Ring', 'r900'", "'Name', 'nowhere'", "'Type', 'host'"])
    return Trial(
        f"{start}.ShortestPathTo(Metadata({target}){pick.choice(['', ', Metadata(@)'])})".replace(
            "@", "'RelationType', 'layer2'"
        )
    )


def _walk(pick: random.Random) -> Trial:
    name, depth = pick.choice(["Descendants", "Ascendants", "Neighbors"]), pick.choice([0, 1, 9, 10**6, 2**53])
    end = pick.choice(["Count()", "Values('Name')"])
    return Trial(f"G.V().{name}('RelationType', Within('layer2', 'ownership'), {depth}).{end}")


def _ranges(pick: random.Random) -> Trial:
    low, high = pick.choice([0, 1, 2**52]), pick.choice([0, 10, 2**53, 10**30])
    return Trial(f"G.V().Both().Range({low}, {high}).Limit({high}).Count()")


def _recalled(pick: random.Random) -> Trial:
    names = ", ".join(["'a'"] * pick.choice([2, 20, 90]))
    return Trial(f"G.V().Both().As('a').Select({names}).As('b').Select('b', 'b').Count()")


def _new_key(pick: random.Random) -> Trial:
    return Trial(f"G.V().Has('k{pick.randrange(10**6)}', 1).Out().Has('k{pick.randrange(10**6)}')")


def _bound(pick: random.Random) -> Trial:
    many = pick.choice([3, 5_000, 100_000, 100_001])
    return Trial("G.V().Has('Name', Within($names)).Count()", {"names": [f"tap{number}" for number in range(many)]})


def _past(pick: random.Random) -> Trial:
    when = pick.choice(["'-1s'", "NOW", "'-1h', FOREVER", "1, FOREVER", "'-5s', '5s'", "NOW, '10s'"])
    return Trial(
        f"G.At({when}).V()" + pick.choice(["", ".Both().Both()", ".Dedup().Count()", ".Has('Type', 'host').Out()"])
    )


def _flows(pick: random.Random) -> Trial:
    return Trial(
        pick.choice(
            [
                "G.Flows()",
                "G.Flows().Nodes().Both()",
                "G.V().Flows().Sort()",
                "G.V().Metrics().Sum()",
                "G.Flows().RawPackets()",
                "G.At('-1h', '1h').Flows().Dedup()",
            ]
        )
    )


_HOSTILE: Final[Sequence[Callable[[random.Random], Trial]]] = (
    _chain,
    _chain,
    _deep,
    _long,
    _pattern,
    _large_answer,
    _sort,
    _paths,
    _walk,
    _ranges,
    _recalled,
    _new_key,
    _bound,
    _past,
    _flows,
)
