# SPDX-License-Identifier: Apache-2.0
"""Whether somebody who says that a process is a container's may be believed.

Source: /proc/PID/stat (proc(5)).
"""

import os
from pathlib import Path
from typing import Final

ROOT: Final = 0


def trusted(uid: int) -> bool:
    """Tell whether a user may say anything: root, and we ourselves."""
    return uid in (ROOT, os.geteuid())


def may_claim(uid: int, pid: int, proc: Path = Path("/proc")) -> bool:
    """Tell whether a user may speak for a process: a trusted one for any, others for children of their own processes.

    A user's container has users of its own, but its first process is a child of the user's monitor (LXC's, conmon).
    """
    if trusted(uid):
        return True
    try:
        text = (proc / str(pid) / "stat").read_text(errors="replace")
        # The name stands in parentheses and may hold any character; the parent is the second field after it.
        parent = text.rpartition(")")[2].split()[1]
        return (proc / parent).stat().st_uid == uid
    except (OSError, IndexError):
        return False
