# SPDX-License-Identifier: Apache-2.0
"""`netsonde status`."""

from collections.abc import Iterator
from typing import Any

from netsonde.cli.options import DEFAULT_URL, Form, Output, Url, new_app
from netsonde.cli.output import Column, say, show
from netsonde.cli.times import clock_time

app = new_app()


@app.command()
def status(output: Output = Form.TABLE, url: Url = DEFAULT_URL) -> None:
    """Show every process and component with its state, reason and since when."""
    from netsonde.cli.client import Client

    found = Client(url).get("/api/status", dict[str, Any])
    show(found, output, _COLUMNS, list(_rows(found)))
    if output is Form.TABLE:
        states = ", ".join(f"{count} {state}" for state, count in sorted(found.get("CaptureStates", {}).items()))
        say(f"captures: {states or 'none'}")
        for missing in found.get("Missing", []):
            say(f"not ready: {missing}")


def _rows(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each process, then its components below it."""
    for process in found.get("Processes", []):
        parts = process["Probes"]
        if not parts and process["Service"] == "analyzer" and process["Host"] == found.get("Host"):
            parts = found["Probes"]
        reason = f"version {process['Version']}, pid {process['Pid']}"
        yield {
            "Host": process["Host"],
            "Name": process["Service"],
            "State": "running",
            "Since": process["Started"],
            "Reason": reason,
            "Counters": {},
        }
        for name, part in parts.items():
            yield {"Host": process["Host"], "Name": f"  {name}", **part}


def _counters(row: dict[str, Any]) -> str:
    return " ".join(f"{name}={count}" for name, count in row["Counters"].items() if count)


_COLUMNS: tuple[Column, ...] = (
    ("HOST", lambda row: row["Host"]),
    ("NAME", lambda row: row["Name"]),
    ("STATE", lambda row: row["State"]),
    ("SINCE", lambda row: clock_time(row["Since"])),
    ("REASON", lambda row: row["Reason"]),
    ("COUNTERS", _counters),
)
