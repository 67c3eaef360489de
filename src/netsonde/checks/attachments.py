# SPDX-License-Identifier: Apache-2.0
"""The captures that belong to checks: made for them, replaced when they change, gone with them.

A capture says in its `Owner` whose it is and of which run, so that nothing has to be remembered elsewhere.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from netsonde.checks.definitions import through
from netsonde.checks.stores import Captures
from netsonde.errors import NotFound, UserError
from netsonde.model.captures import Capture, CaptureView
from netsonde.model.checks import Check
from netsonde.observe import logger

log = logger("checks")

_OWNER: Final = "check"


def owner_of(check: Check) -> str:
    """Return what the captures of a check's present run say of their owner."""
    return f"{_OWNER}/{check.uuid}/{check.run_at}"


def captures_of(check: Check, captures: Iterable[CaptureView]) -> list[CaptureView]:
    owner = owner_of(check)
    return [view for view in captures if view.owner == owner]


def check_of(capture: Capture) -> str:
    """Return the UUID of the check that a capture belongs to, "" when it belongs to none."""
    kind, _, rest = capture.owner.partition("/")
    return rest.partition("/")[0] if kind == _OWNER else ""


def wanted(check: Check) -> list[Capture]:
    """Return the captures that a check needs: on its interfaces, and on those that packets have to pass."""
    main = Capture(
        gremlin_query=check.gremlin_query,
        name=f"check {check.name}",
        description=check.description,
        owner=owner_of(check),
        first_packets=check.first_packets,
        raw_packet_limit=0,
    )
    passed = [
        Capture(
            gremlin_query=query,
            name=f"check {check.name}: path",
            owner=owner_of(check),
            first_packets=0,
            raw_packet_limit=0,
        )
        for query in through(check)
        if query != check.gremlin_query.strip()
    ]
    return [main, *passed]


def _wanted(check: Check) -> list[Capture]:
    try:
        return wanted(check)
    except UserError as bad:
        # Another version made it; the others are judged all the same.
        log.warning("a check cannot be judged", check=check.uuid, reason=str(bad))
        return []


async def attach(checks: Sequence[Check], captures: Captures) -> None:
    """Make the captures of checks what they should be: each once, of the present run.

    Raises UserError, when all others are made, for those that are refused; SourceLost at once.
    """
    missing = {(owner_of(check), capture.gremlin_query): capture for check in checks for capture in _wanted(check)}
    own = [view for view in captures.views() if check_of(view)]
    surplus = [view.uuid for view in own if missing.pop((view.owner, view.gremlin_query), None) is None]
    for uuid in surplus:
        try:
            await captures.delete(uuid)
        except NotFound:
            continue
    refused: list[str] = []
    for capture in missing.values():
        try:
            await captures.create(capture)
        except UserError as bad:
            refused.append(f"{capture.name}: {bad}")
    if refused:
        raise UserError("; ".join(refused))
