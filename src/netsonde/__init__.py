# SPDX-License-Identifier: Apache-2.0
"""Netsonde: the network of hosts, VMs and containers as a live graph, with captures that wait for interfaces.

`netsonde.meter(FILE)` gives the flows of a capture file; `netsonde.client` talks to a server.
"""

# Type checkers know this name too; importing `typing` would cost each command more than all else that is imported.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from netsonde.metered import DamagedFile as DamagedFile
    from netsonde.metered import MeteredFile as MeteredFile
    from netsonde.metered import meter as meter

__version__ = "0.1.0"

__all__ = ["DamagedFile", "MeteredFile", "__version__", "meter"]


def __getattr__(name: str) -> object:
    # Only who meters loads the native core: every process of ours imports this module.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from netsonde import metered

    return getattr(metered, name)
