# SPDX-License-Identifier: Apache-2.0
"""Write the reference pages that come from the code itself; `make docs` runs it, a test finds stale pages.

usage: python tools/reference.py [FOLDER]    (default: docs/reference)
"""

import sys
from pathlib import Path

from api_reference import api_page
from cli_reference import help_page
from client_reference import client_page
from keys_reference import keys_page
from query_reference import query_page

from netsonde.config import describe
from netsonde.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


def settings_page() -> str:
    """Return the page of settings: one row a setting, in the order of the code."""
    lines = [
        "# Settings",
        "",
        "Read from a TOML file (`--config FILE`, or `NETSONDE_CONFIG`), then from the environment, then from flags;",
        "the later wins. The variable of `analyzer.listen` is `NETSONDE_ANALYZER_LISTEN`, and so on: upper case, `_`",
        "for `.`. Unknown keys and bad values are refused, all at once; `netsonde agent --check` validates and exits.",
        "",
        "| Setting | Default | Meaning |",
        "|---|---|---|",
    ]
    for doc in describe(Settings):
        default = doc.default.replace("|", "\\|") or '""'
        lines.append(f"| `{doc.path}` | `{default}` | {doc.text} |")
    return "\n".join(lines) + "\n"


PAGES = {
    "api.md": api_page,
    "cli.md": help_page,
    "client.md": client_page,
    "keys.md": keys_page,
    "query.md": query_page,
    "settings.md": settings_page,
}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/reference"
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
        print(folder / name)


if __name__ == "__main__":
    main()
