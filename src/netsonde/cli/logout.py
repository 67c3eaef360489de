# SPDX-License-Identifier: Apache-2.0
"""`netsonde logout`."""

from netsonde.cli.login import logout
from netsonde.cli.options import new_app

app = new_app()
app.command()(logout)
