# SPDX-License-Identifier: Apache-2.0
"""Plain command lines of the verbs that run a process, read without the framework of the others.

Loading that takes half a second, which `netsonde allinone` would spend before its children can start. Whatever is not
plain (help, a mistake, an abbreviation) goes the ordinary way, which knows how to explain itself.
"""

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

KEYS = {
    "--listen": "analyzer.listen",
    "--state-dir": "state_dir",
    "--host-id": "host_id",
    "--log-level": "log.level",
    "--bus-url": "bus.url",
}
FLAGS = {
    "allinone": {"--listen", "--state-dir", "--host-id", "--log-level"},
    "agent": {"--state-dir", "--host-id", "--log-level", "--bus-url"},
    "analyzer": {"--listen", "--state-dir", "--host-id", "--log-level", "--bus-url"},
}


def plain_process(arguments: Sequence[str]) -> Callable[[], int] | None:
    """Return what runs the process, or None for a command line that is not plain."""
    verb, *rest = arguments
    if verb not in FLAGS:
        return None
    overrides: dict[str, str] = {}
    config = os.environ.get("NETSONDE_CONFIG")
    check = False
    words = iter(rest)
    for word in words:
        if word == "--check":
            check = True
            continue
        value = next(words, "")
        if word == "--config" and value:
            config = value
        elif word in FLAGS[verb] and value and not value.startswith("-"):
            overrides[KEYS[word]] = value
        else:
            return None

    def run() -> int:
        module = importlib.import_module(f"netsonde.{verb}")
        status: int = module.run(Path(config) if config else None, overrides, check=check)
        return status

    return run
