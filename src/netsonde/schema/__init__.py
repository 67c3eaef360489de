# SPDX-License-Identifier: Apache-2.0
"""The published list of what can be asked for: metadata keys, fields of flows and metrics, steps and predicates."""

from netsonde.schema.check import Problem, problems, unlisted
from netsonde.schema.document import Schema, schema
from netsonde.schema.registry import FLOW_FIELDS, GROUP_FIELDS, KEYS, LOOKS, METRIC_FIELDS, RULE_FIELDS, VERSION

__all__ = [
    "FLOW_FIELDS",
    "GROUP_FIELDS",
    "KEYS",
    "LOOKS",
    "METRIC_FIELDS",
    "RULE_FIELDS",
    "VERSION",
    "Problem",
    "Schema",
    "problems",
    "schema",
    "unlisted",
]
