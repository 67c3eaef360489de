# SPDX-License-Identifier: Apache-2.0
"""The analyzer: the graphs of all hosts merged, history, queries, the API and the page.

`run` loads its parts when it is called: `python_workflow` starts for each workflow in Python, without all of them.
"""

from pathlib import Path

__all__ = ["run"]


def run(config_file: Path | None, overrides: dict[str, str], *, check: bool = False) -> int:
    """Run an analyzer until SIGTERM or SIGINT; returns the exit code."""
    from netsonde.analyzer import parts

    return parts.run(config_file, overrides, check=check)
