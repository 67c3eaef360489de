# SPDX-License-Identifier: Apache-2.0
"""Why a daemon cannot be reached at its Unix socket, and whether that is a fault at all."""

from netsonde.errors import SourceAbsent, SourceLost


def unreachable(daemon: str, at: str, failed: BaseException, *, ask: str = "") -> SourceLost:
    """Return SourceAbsent when there is no socket (connect(2): ENOENT), else SourceLost with the reason.

    `ask` is a question that helps whoever expected the daemon, such as "; is libvirtd running?".
    """
    if isinstance(failed, FileNotFoundError | NotADirectoryError):
        return SourceAbsent(f"no {daemon} at {at}: the socket does not exist{ask}")
    reason = failed.strerror if isinstance(failed, OSError) else ""
    return SourceLost(f"no {daemon} at {at}: {reason or str(failed) or 'the connection was closed'}")
