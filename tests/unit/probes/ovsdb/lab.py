# SPDX-License-Identifier: Apache-2.0
"""A recorded session with ovsdb-server: schema, first answer, updates."""

import json
from pathlib import Path
from typing import Any

from netsonde.probes.ovsdb.monitor import Replica

RECORDING = Path(__file__).parents[3] / "data" / "ovsdb" / "lab.json"


def recording() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RECORDING.read_text())
    return found


def replica() -> Replica:
    """Return the rows as they were before tap1 was plugged."""
    found, data = Replica(), recording()
    found.use_schema(data["schema"])
    found.update(data["first"][2])
    return found


def row_of(found: Replica, table: str, name: str) -> str:
    """Return the UUID of a named row."""
    return next(uuid for uuid, row in found.rows[table].items() if row.get("name") == (name,))
