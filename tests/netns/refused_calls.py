# SPDX-License-Identifier: Apache-2.0
"""A kernel that knows less than this one: calls of bpf(2) end with the error that an older one would give."""

import ctypes
import os
import platform
import struct
from typing import Final

# include/uapi/linux/{prctl,seccomp,filter}.h
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_SET_NO_NEW_PRIVS = 38
ALLOW, ERRNO = 0x7FFF_0000, 0x0005_0000
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER, FIRST_ARGUMENT = 0, 16
"""Offsets in struct seccomp_data; of the argument its lower half, as these machines have it."""
BPF: Final = {"x86_64": 321, "aarch64": 280}


def refuse_bpf(error: int, command: int | None = None) -> None:
    """Let bpf(2) end with an errno: for one command, or for all. For this thread and those that it starts."""
    number = BPF[platform.machine()]
    only = [] if command is None else [(LOAD, 0, 0, FIRST_ARGUMENT), (IF_EQUAL, 0, 1, command)]
    program = [
        (LOAD, 0, 0, NUMBER),
        (IF_EQUAL, 0, len(only) + 1, number),
        *only,
        (RETURN, 0, 0, ERRNO | error),
        (RETURN, 0, 0, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in program))
    filters = struct.pack("@HP", len(program), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filters, 0, 0)):
        assert libc.prctl(*arguments) == 0, os.strerror(ctypes.get_errno())
