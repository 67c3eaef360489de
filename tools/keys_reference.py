# SPDX-License-Identifier: Apache-2.0
"""The reference page of keys and fields, from the published list."""

import json
from collections.abc import Iterable, Iterator

from netsonde.model.elements import Json
from netsonde.model.keys import Field, Key
from netsonde.probes.netlink.keys import INTERFACES
from netsonde.schema import FLOW_FIELDS, GROUP_FIELDS, KEYS, METRIC_FIELDS, RULE_FIELDS, VERSION

HEAD = f"""\
# Keys and fields

Everything that queries can address by name, version {VERSION} of the list. `GET /api/schema` gives it to programs; the
editor of the page and the shell complete from it. [topology.md](topology.md) tells what the probes do,
[flow-record.md](flow-record.md) what a flow is.

A path leads through lists: `FDB.MAC` is every MAC of the list. A last part `*` stands for any name. *Interfaces* are
nodes of the kinds that network devices have: {" ".join(f"`{kind}`" for kind in INTERFACES[:9])} and so on.
The second number of the version grows when something is added, the first when a key goes or changes its type or unit.
"""

_FIELDS = {
    "Fields of flows": FLOW_FIELDS,
    "Fields of metrics": METRIC_FIELDS,
    "Fields of OpenFlow rules": RULE_FIELDS,
    "Fields of OpenFlow groups": GROUP_FIELDS,
}


def keys_page() -> str:
    """Return the page: a table for each producer of keys, one for whatever else has fields."""
    return "\n".join([HEAD, *_parts()])


def _parts() -> Iterator[str]:
    for producer in dict.fromkeys(key.producer for key in KEYS):
        yield f"## Keys by `{producer}`\n"
        for on in ("node", "edge"):
            keys = [key for key in KEYS if (key.producer, key.on) == (producer, on)]
            if keys:
                yield f"| Of {on}s: key | Type | Of | Meaning | Example |\n|---|---|---|---|---|"
                yield from (_row(key, _types(key)) for key in keys)
                yield ""
    for title, fields in _FIELDS.items():
        yield f"## {title}\n\n| Field | Type | Meaning | Example |\n|---|---|---|---|"
        yield from (_row(field) for field in fields)
        yield ""


def _row(one: Key | Field, *of: str) -> str:
    kind = f"{one.type}, {one.unit}" if one.unit else one.type
    cells = [f"`{one.key}`", kind, *of, one.description, f"`{_json(one.example)}`"]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _types(key: Key) -> str:
    if not key.types:
        return "all"
    return "interfaces" if key.types == INTERFACES else _names(key.types)


def _names(kinds: Iterable[str]) -> str:
    return " ".join(f"`{kind}`" for kind in kinds)


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
