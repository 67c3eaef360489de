# SPDX-License-Identifier: Apache-2.0
"""`python -m netsonde`."""

import sys

from netsonde.cli.main import main

sys.exit(main())
