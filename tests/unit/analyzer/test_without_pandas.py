# SPDX-License-Identifier: Apache-2.0
"""pandas, which pyarrow imports at the first opportunity."""

import subprocess
import sys

import pytest

USED = """
import sys
import pyarrow as pa, pyarrow.compute as pc
from netsonde.analyzer.without_pandas import leave_pandas_out
leave_pandas_out()
table = pa.table({"a": ["x", "y"]})
assert pc.is_in(table.column("a"), pa.array(["x"])).to_pylist() == [True, False]
print("pandas" in sys.modules)
"""


@pytest.mark.timeout(10)
def test_tables_are_used_without_loading_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", USED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
