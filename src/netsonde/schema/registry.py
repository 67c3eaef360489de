# SPDX-License-Identifier: Apache-2.0
"""Whose keys are in the list: one line each. Every writer ships its own, beside the code that writes them."""

from typing import Final

from netsonde.captures import keys as captures
from netsonde.flows import fields as flows
from netsonde.graph import keys as graph
from netsonde.injection import keys as injection
from netsonde.model.keys import Field, Key
from netsonde.probes import host_keys as host
from netsonde.probes.netlink import keys as netlink
from netsonde.probes.netns import keys as netns
from netsonde.probes.ovsdb import keys as ovsdb

VERSION: Final = "1.0"
"""The second number grows when keys are added, the first when one goes or gets another type or unit."""

KEYS: Final[tuple[Key, ...]] = (
    *graph.KEYS,
    *host.KEYS,
    *netns.KEYS,
    *netlink.KEYS,
    *ovsdb.KEYS,
    *captures.KEYS,
    *injection.KEYS,
)

FLOW_FIELDS: Final[tuple[Field, ...]] = flows.FIELDS

METRIC_FIELDS: Final[tuple[Field, ...]] = tuple(
    {field.key: field for field in (*flows.METRICS, *netlink.METRICS)}.values()
)
"""Fields of what `Metrics()` gives, of interfaces and of flows; `Start` and `Last` are the same in both."""
