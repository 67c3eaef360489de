# SPDX-License-Identifier: Apache-2.0
"""`netsonde extcap`: captures as interfaces in Wireshark's own list.

Wireshark starts the program for each question, with the options of its extcap interface (its doc/extcap.4): which
interfaces, which link types, which settings, and at last to write packets into a pipe.
"""

import itertools
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from netsonde import __version__
from netsonde.cli.client import Client
from netsonde.cli.options import DEFAULT_URL, Url, new_app
from netsonde.cli.output import say
from netsonde.errors import UserError
from netsonde.model.captures import CaptureView

app = new_app()

_PREFIX = "netsonde-"
"""Before the UUID: tells our interfaces from those of other plug-ins."""
_HELP = "https://www.wireshark.org/docs/man-pages/extcap.html"


@app.command(epilog="Example: netsonde extcap --install ~/.local/lib/wireshark/extcap")
def extcap(
    install: Annotated[
        Path | None, typer.Option("--install", metavar="FOLDER", help="Put the plug-in into Wireshark's folder.")
    ] = None,
    interfaces: Annotated[bool, typer.Option("--extcap-interfaces", help="List the captures.")] = False,
    interface: Annotated[str, typer.Option("--extcap-interface", metavar="NAME", help="One of them.")] = "",
    dlts: Annotated[bool, typer.Option("--extcap-dlts", help="List its link types.")] = False,
    config: Annotated[bool, typer.Option("--extcap-config", help="List its settings.")] = False,
    capture: Annotated[bool, typer.Option("--capture", help="Write its packets into --fifo.")] = False,
    fifo: Annotated[Path | None, typer.Option("--fifo", metavar="PIPE", help="Where to.")] = None,
    capture_filter: Annotated[
        str, typer.Option("--extcap-capture-filter", help="Taken, and refused when it is one.")
    ] = "",
    version: Annotated[str, typer.Option("--extcap-version", help="That of Wireshark.")] = "",
    url: Url = DEFAULT_URL,
) -> None:
    """Be a plug-in of Wireshark: its dialog lists the captures, and shows their packets as they come."""
    if install is not None:
        _install(install, url)
    elif interfaces:
        _print(_interfaces(url))
    elif dlts:
        _print(["dlt {number=1}{name=EN10MB}{display=Ethernet}"])
    elif config:
        _print([f"arg {{number=0}}{{call=--url}}{{display=Server}}{{type=string}}{{default={_plain(url)}}}"])
    elif capture and fifo is not None and interface:
        if capture_filter:
            raise UserError("packets of a capture are filtered where they are captured", hint="use its BPFFilter")
        _follow(Client(url), interface.removeprefix(_PREFIX), fifo)
    else:
        raise typer.BadParameter("nothing to do: Wireshark calls this, or give --install FOLDER")


def _interfaces(url: str) -> Iterator[str]:
    """Name the plug-in, and each capture as an interface; without a server there are none, as Wireshark asks always."""
    yield f"extcap {{version={__version__}}}{{help={_HELP}}}{{display=Netsonde}}"
    try:
        captures = Client(url).captures()
    except UserError as failed:
        say(str(failed))
        return
    for one in captures:
        yield f"interface {{value={_PREFIX}{_plain(one.uuid)}}}{{display=Netsonde: {_plain(_title(one))}}}"


def _title(capture: CaptureView) -> str:
    state = f" ({capture.status.state})" if capture.status else ""
    return (capture.name or capture.gremlin_query) + state


def _plain(text: str) -> str:
    """Return text without what ends a value, or a line."""
    return "".join(" " if character in "{}" or not character.isprintable() else character for character in text)


def _follow(client: Client, uuid: str, fifo: Path) -> None:
    """Write packets until Wireshark closes the pipe or ends this program."""
    pieces = client.packets(client.find_capture(uuid).uuid, {"follow": True})
    # The first piece before the pipe: a refused request shall be an error of this program, not an empty capture.
    first = next(pieces, b"")
    try:
        with fifo.open("wb", buffering=0) as pipe:
            for piece in itertools.chain((first,), pieces):
                pipe.write(piece)
    except BrokenPipeError:
        return
    except OSError as failed:
        raise UserError(f"cannot write {fifo}: {failed.strerror}") from failed


def _install(folder: Path, url: str) -> None:
    """Write a script that Wireshark finds and starts."""
    script = folder / "netsonde"
    program = shlex.join([sys.executable, "-m", "netsonde", "extcap"])
    lines = ["#!/bin/sh", f'NETSONDE_URL=${{NETSONDE_URL:-{shlex.quote(url)}}} exec {program} "$@"', ""]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        script.write_text("\n".join(lines))
        script.chmod(0o755)
    except OSError as failed:
        raise UserError(f"cannot write {script}: {failed.strerror}") from failed
    say(f"{script}: restart Wireshark, or press F5, to see the captures of {os.environ.get('NETSONDE_URL', url)}")


def _print(lines: Iterator[str] | list[str]) -> None:
    for line in lines:
        print(line)
