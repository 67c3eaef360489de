# SPDX-License-Identifier: Apache-2.0
"""`python -m netsonde.analyzer [CONFIG]`: how the all-in-one starts it, without loading the command line."""

import sys
from pathlib import Path

from netsonde.analyzer import run

sys.exit(run(Path(sys.argv[1]) if len(sys.argv) > 1 else None, {}))
