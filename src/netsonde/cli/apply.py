# SPDX-License-Identifier: Apache-2.0
"""`netsonde apply`: make captures, checks, alerts, rules and workflows what files say; see the difference first."""

import sys
from collections import Counter
from typing import Annotated, Final

import typer

from netsonde.cli.apply_diff import print_diff
from netsonde.cli.apply_files import Wrong, read
from netsonde.cli.apply_marks import SET_NAME
from netsonde.cli.apply_plan import Change, Plan, plan, write
from netsonde.cli.client import Client, NoServer
from netsonde.cli.options import DEFAULT_URL, Url, new_app
from netsonde.cli.output import plain, say
from netsonde.errors import Conflict, UserError

app = new_app()

_DONE: Final[dict[str, str]] = {"create": "created", "change": "changed", "delete": "deleted"}


@app.command(epilog="Example: netsonde apply -f netsonde.d --set lab --prune --dry-run")
def apply(
    file: Annotated[
        list[str],
        typer.Option("--file", "-f", metavar="FILE", help="YAML, a folder of it, or - for standard input; repeatable."),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", "--diff", help="Show the difference and do nothing.")] = False,
    set_: Annotated[
        str, typer.Option("--set", metavar="NAME", help="Mark what is created as made by this set of files.")
    ] = "",
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete what the set made and the files no longer have; needs --set.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on a terminal.")] = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Make captures, checks, alerts, rules and workflows what files say.

    Each document has a Kind (Capture, Check, Alert, NodeRule, EdgeRule or Workflow), a Name, and members as the API
    takes them. What is missing is created, what differs is changed, what is equal is left alone, as are members that
    the files do not name. A wrong object stops only itself, and makes the exit status 1.
    """
    if set_ and not SET_NAME.fullmatch(set_):
        raise typer.BadParameter(f"--set {set_!r}: letters, digits, dots, dashes and underscores, at most 63")
    if prune and not set_:
        raise typer.BadParameter("--prune needs --set NAME: only what that set made is deleted")
    client = Client(url)
    found = plan(client, *read(file), set_, prune=prune)
    _show(found, prune=prune)
    if dry_run or not found.changes:
        _finish(found, None)
    if not yes and not _agreed(len(found.changes)):
        say("nothing was done")
        raise typer.Exit(1)
    _finish(found, _written(client, found))


def _show(found: Plan, *, prune: bool) -> None:
    for wrong in found.wrong:
        say(wrong.explain())
    if prune and found.wrong:
        say("nothing is pruned while an object is wrong")
    for change in found.changes:
        print_diff(change)


def _agreed(changes: int) -> bool:
    """Ask on a terminal; elsewhere nobody could answer."""
    if not sys.stdin.isatty():
        return True
    sys.stdout.flush()
    print(f"Do {'this' if changes == 1 else f'these {changes}'}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _written(client: Client, found: Plan) -> Counter[str]:
    """Do the changes, deletions last; those that fail are told and join the wrong ones.

    Of two captures with one query the server has only one: what another object stands in the way of is tried again
    when what goes has gone, so that a capture can be given another name.
    """
    deletions = [change for change in found.changes if change.action == "delete"]
    first = [change for change in found.changes if change.action != "delete"]
    done: Counter[str] = Counter()
    late = [change for change in first if not _did(client, change, found, done, again=bool(deletions))]
    for change in [*deletions, *late]:
        _did(client, change, found, done, again=False)
    return done


def _did(client: Client, change: Change, found: Plan, done: Counter[str], *, again: bool) -> bool:
    """Do one change and tell of it; returns False for a conflict that may be over when it is tried `again`."""
    try:
        write(client, change)
    except NoServer:
        raise
    except UserError as error:
        if again and isinstance(error, Conflict):
            return False
        wrong = Wrong(_where(change), error)
        say(wrong.explain())
        found.wrong.append(wrong)
    else:
        say(plain(f"{_DONE[change.action]} {change.title}"))
        done[change.action] += 1
    return True


def _where(change: Change) -> str:
    return f"{change.place}: {change.title}" if change.place else change.title


def _finish(found: Plan, done: Counter[str] | None) -> None:
    """Sum up what was done, or would be, and end the program: 1 when something was wrong."""
    if not found.changes and not found.wrong:
        say(f"nothing to do: {found.equal} as the files say")
    else:
        planned: Counter[str] = Counter(change.action for change in found.changes)
        counts = [
            f"{number} to {action}" if done is None else f"{done[action]} of {number} {_DONE[action]}"
            for action, number in planned.items()
        ]
        say(", ".join([*counts, f"{found.equal} equal", f"{len(found.wrong)} wrong"]))
    raise typer.Exit(1 if found.wrong else 0)
