# SPDX-License-Identifier: Apache-2.0
"""Arithmetic that a query spells, such as `rx * 8 / seconds`: read once, then worked out for each item.

A formula becomes a program for a stack, so nothing recurses over a hostile text.
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import chain
from typing import Final, TypeAlias, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, v_args

from netsonde.errors import Span
from netsonde.query.errors import QueryError, did_you_mean, shown

Number: TypeAlias = int | float

MOST_CHARACTERS: Final = 512
ITSELF: Final = "_"
"""Stands for the item itself."""


_FUNCTIONS: Final[dict[str, Callable[[Number], Number]]] = {
    "abs": abs,
    "ceil": math.ceil,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "round": round,
    "sqrt": math.sqrt,
}
_WHOLE: Final = range(-(2**63), 2**64)
"""What encoders of JSON take as whole numbers."""


@dataclass(frozen=True, slots=True)
class _Apply:
    """Take some numbers from the stack and put one there."""

    takes: int
    function: Callable[..., Number]


_Instruction: TypeAlias = Number | str | _Apply
"""A number, the name of one, or what to do with those before it."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A checked formula."""

    program: "_Program"

    def names(self) -> Sequence[str]:
        """Return the names that it reads, in the order in which they first appear."""
        return list(dict.fromkeys(part for part in self.program if isinstance(part, str)))

    def result(self, number: Callable[[str], Number | None]) -> Number | None:
        """Return what comes out; None where a name has no number or mathematics has no answer (1 / 0)."""
        stack: list[Number] = []
        try:
            for part in self.program:
                if isinstance(part, _Apply):
                    operands = stack[-part.takes :]
                    del stack[-part.takes :]
                    stack.append(part.function(*operands))
                elif isinstance(part, str):
                    found = number(part)
                    if found is None:
                        return None
                    stack.append(found)
                else:
                    stack.append(part)
            return _written(stack.pop())
        except (ArithmeticError, ValueError):
            return None


def _written(number: Number) -> Number | None:
    """Return a number as JSON can write it."""
    if isinstance(number, int) and number not in _WHOLE:
        number = float(number)
    return number if math.isfinite(number) else None


class _UnknownFunction(Exception):
    """Its text is the name."""


_Program: TypeAlias = tuple[_Instruction, ...]


def _applies(takes: int, function: Callable[..., Number]) -> Callable[..., _Program]:
    def build(_: object, *operands: _Program) -> _Program:
        return (*chain.from_iterable(operands), _Apply(takes, function))

    return build


@v_args(inline=True)
class _Compiler(Transformer[Token, _Program]):
    """Builds the program while the parser reduces."""

    add = _applies(2, operator.add)
    sub = _applies(2, operator.sub)
    mul = _applies(2, operator.mul)
    div = _applies(2, operator.truediv)
    mod = _applies(2, operator.mod)
    # Powers of whole numbers would grow without bound.
    pow = _applies(2, math.pow)
    neg = _applies(1, operator.neg)

    def number(self, token: Token) -> _Program:
        return (float(token) if set(token) & set(".eE") else int(token),)

    def key(self, token: Token) -> _Program:
        return (str(token),)

    def function(self, token: Token, operand: _Program) -> _Program:
        name = token.rstrip("( \t\r\n")
        if name not in _FUNCTIONS:
            raise _UnknownFunction(name)
        return (*operand, _Apply(1, _FUNCTIONS[name]))


def _load() -> Lark:
    grammar = resources.files("netsonde.query").joinpath("formula.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=_Compiler(), maybe_placeholders=False)


_LARK: Final = _load()


def read_formula(text: str, span: Span) -> Formula:
    """Return the formula that a text spells. Raises QueryError at `span`, saying where in the text."""
    if len(text) > MOST_CHARACTERS:
        raise QueryError(f"the formula has {len(text):,} characters; at most {MOST_CHARACTERS} are read", span=span)
    try:
        # The transformer within the parser makes a program of the tree.
        return Formula(cast("_Program", _LARK.parse(text)))
    except _UnknownFunction as e:
        name = str(e)
        hint = did_you_mean(name, _FUNCTIONS, f"functions are {', '.join(_FUNCTIONS)}")
        raise QueryError(f"there is no function named {shown(name)}", hint=hint, span=span) from e
    except UnexpectedInput as e:
        last = not isinstance(e, UnexpectedCharacters) and getattr(e, "token", None) == ""
        where = "it ends too early" if last else f"character {(e.pos_in_stream or 0) + 1} does not fit"
        raise QueryError(
            f"{shown(text)} is no formula: {where}",
            hint="it is made of numbers, keys, + - * / % ^ and parentheses: 'RxBytes * 8 / 1e9'",
            span=span,
        ) from e
