# SPDX-License-Identifier: Apache-2.0
"""Tests of the value at a key: equality, comparison, membership, text, addresses, and combinations of them.

Rules of values: a string equals strings only, a boolean booleans, null null; numbers are compared exactly, integers
with floats, and also with strings that write a number. A list satisfies a test when one of its members does.
"""

from netsonde.query.predicates._api import Predicate, PredicateSpec
from netsonde.query.predicates._registry import PREDICATE_SPECS, PREDICATES, predicate
from netsonde.query.predicates.combining import PREFIXES
from netsonde.query.predicates.comparing import EXISTS, equals
from netsonde.query.predicates.numbers import Number, number_of

__all__ = [
    "EXISTS",
    "PREDICATES",
    "PREDICATE_SPECS",
    "PREFIXES",
    "Number",
    "Predicate",
    "PredicateSpec",
    "equals",
    "number_of",
    "predicate",
]
