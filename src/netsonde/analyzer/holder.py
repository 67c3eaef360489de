# SPDX-License-Identifier: Apache-2.0
"""Under which name an analyzer holds leases: the same after a restart, and nobody else's.

Its host's name would not do: two analyzers may run on one host, and machines that were copied are called the same. Each
would take what the other holds for left by its own former run, and both would judge, notify and inject.
"""

import secrets
from contextlib import suppress
from pathlib import Path


def holder_of(host: str, state_dir: Path) -> str:
    """Return the name, made at the first start and kept in the state directory."""
    file = state_dir / "analyzer.id"
    with suppress(OSError, UnicodeDecodeError):
        if kept := file.read_text(encoding="ascii").strip():
            return f"{host} {kept}"
    made = secrets.token_hex(8)
    # On a full disk the next run waits for the lease of this one.
    with suppress(OSError):
        file.write_text(f"{made}\n", encoding="ascii")
    return f"{host} {made}"
