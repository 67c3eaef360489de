# SPDX-License-Identifier: Apache-2.0
"""The whole list as one document, as `GET /api/schema` gives it."""

from functools import cache

import msgspec

from netsonde.model.keys import Field, Key
from netsonde.model.looks import Look
from netsonde.schema.language import StepDoc, WordDoc, modulators, predicates, steps
from netsonde.schema.registry import FLOW_FIELDS, GROUP_FIELDS, KEYS, LOOKS, METRIC_FIELDS, RULE_FIELDS, VERSION


class Schema(msgspec.Struct, frozen=True, rename="pascal"):
    """What can be asked for: steps and predicates, metadata keys, fields of flows and metrics; and how nodes look."""

    version: str
    steps: tuple[StepDoc, ...]
    modulators: tuple[WordDoc, ...]
    predicates: tuple[WordDoc, ...]
    keys: tuple[Key, ...]
    flow_fields: tuple[Field, ...]
    metric_fields: tuple[Field, ...]
    rule_fields: tuple[Field, ...]
    group_fields: tuple[Field, ...]
    looks: tuple[Look, ...]


@cache
def schema() -> Schema:
    """Return the list; it does not change while the program runs."""
    return Schema(
        VERSION,
        steps(),
        modulators(),
        predicates(),
        KEYS,
        FLOW_FIELDS,
        METRIC_FIELDS,
        RULE_FIELDS,
        GROUP_FIELDS,
        LOOKS,
    )
