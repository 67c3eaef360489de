# SPDX-License-Identifier: Apache-2.0
"""Keeps pyarrow from importing pandas where it is installed, as it is beside `netsonde.client`.

The first call that gets a Python value looks whether that may be a pandas object: on the event loop, at the first
report of flows. That took up to three seconds, and takes 40 MB. An analyzer has no such objects.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

import pyarrow as pa


class _NoPandas:
    """A finder of modules that says of pandas that it is not installed."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError("no pandas in an analyzer", name=name)
        return None


def leave_pandas_out() -> None:
    """Let pyarrow look for pandas now, in vain; it looks once in a process."""
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(finder)
