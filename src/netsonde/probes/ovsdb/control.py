# SPDX-License-Identifier: Apache-2.0
"""Asks ovs-vswitchd at its control socket, as ovs-appctl does: JSON-RPC, a command and words in, a text out.

Source: ovs-appctl(8); the socket is `<run directory>/ovs-vswitchd.<pid>.ctl`, its pid in `ovs-vswitchd.pid`.
Needs:  the right to connect to it (root, or the group of Open vSwitch).
"""

from pathlib import Path
from typing import Final

from netsonde.errors import SourceLost, WireError
from netsonde.probes.ovsdb.address import parse_address
from netsonde.probes.ovsdb.jsonrpc import JsonRpc

PATIENCE: Final = 2.0
"""Seconds of silence after which the switch is not waited for."""
_LONGEST_PID: Final = 32


def control_socket(address: str) -> Path:
    """Return the socket of the switch whose database is at an address; SourceLost when there is none."""
    kind, where = parse_address(address)
    if kind != "unix":
        raise SourceLost(f"nobody knows where the switch of {address} can be asked")
    folder = Path(where).parent
    usual = f"ovs-vswitchd.{_pid(folder / 'ovs-vswitchd.pid')}.ctl"
    # Without a file of its pid, or in another place by --unixctl; those of the dead may be there still.
    found = sorted(folder.glob("ovs-vswitchd*.ctl"), key=lambda socket: (socket.name != usual, _age(socket)))
    if not found:
        raise SourceLost(f"there is no ovs-vswitchd*.ctl in {folder}; is Open vSwitch running?")
    return found[0]


async def ask(socket: Path, command: str, *words: str) -> str:
    """Return what a command says. SourceLost when nobody answers, CallRefused (a WireError) when it is refused."""
    async with await JsonRpc.connect(f"unix:{socket}", idle=PATIENCE / 2) as switch:
        answer = await switch.call(command, [*words])
    if not isinstance(answer, str):
        raise WireError(f"{command}: ovs-vswitchd answered with {answer!r:.60}")
    return answer


def _pid(file: Path) -> str:
    try:
        with file.open(encoding="ascii") as content:
            return content.read(_LONGEST_PID).strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _age(socket: Path) -> float:
    """Return what is smaller for younger ones."""
    try:
        return -socket.stat().st_mtime
    except OSError:
        return 0.0
