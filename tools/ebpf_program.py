# SPDX-License-Identifier: Apache-2.0
"""Write native/capture/src/ebpf/program.rs: the instructions of meter.c, as clang for BPF makes them.

Needs clang and llvm-objdump, which neither the build nor the tests need. The file names the compiler's version and the
digest of its source: a unit test always compares the digest, and the instructions where that compiler is installed.
`python tools/ebpf_program.py` writes; `--check` fails when the file is stale.
"""

import argparse
import hashlib
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parents[1] / "native" / "capture" / "src" / "ebpf"
SOURCE: Final = FOLDER / "meter.c"
TARGET: Final = FOLDER / "program.rs"
CLANG: Final = "clang-14"
OBJDUMP: Final = "llvm-objdump-14"
FLAGS: Final = ("-O2", "-g0", "-target", "bpf", "-mcpu=v3", "-Wall", "-Wextra", "-Werror")
FILLED_IN: Final = {0x6C696E6B: "LINK_LENGTH", 0x76657264: "VERDICT"}
"""Names of the numbers that stand for what the loader fills in."""
_LINE: Final = re.compile(r"\s+(?P<at>\d+):\t(?P<bytes>[0-9a-f ]+)\t(?P<text>.*)")
_RELOCATION: Final = re.compile(r"\s+[0-9a-f]+:\s+R_BPF_64_64\s+(?P<symbol>\w+)")
_LOAD_WIDE: Final = 0x18


def digest() -> str:
    return hashlib.sha256(SOURCE.read_bytes()).hexdigest()


def compiler() -> str | None:
    """Return the compiler's version, None where it is not installed."""
    if shutil.which(CLANG) is None or shutil.which(OBJDUMP) is None:
        return None
    said = subprocess.run([CLANG, "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"version (\d+\.\d+\.\d+)", said)
    return found and found[1]


def generated() -> str:
    """Return what program.rs should be; raises CalledProcessError with the compiler's words in its output."""
    places: dict[str, int] = {}
    lines = list(_instructions(_disassembled(), places))
    missing = {"PAGES", "TOTALS", *FILLED_IN.values()} - places.keys()
    if missing:
        raise ValueError(f"{SOURCE.name} does not use {', '.join(sorted(missing))}")
    constants = "\n".join(f"pub const {name}: usize = {at};" for name, at in sorted(places.items()))
    return f"""// SPDX-License-Identifier: Apache-2.0
//! What tools/ebpf_program.py made of meter.c: not to be edited.
//!
//! compiler: clang {compiler()}
//! source: {digest()}

/// Instructions whose wide immediate the loader fills in: descriptors of maps, and numbers.
{constants}

#[rustfmt::skip]
pub const INSTRUCTIONS: [u64; {len(lines)}] = [
{chr(10).join(lines)}
];
"""


def _disassembled() -> str:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "meter.o"
        headers = f"-I/usr/include/{sysconfig.get_config_var('MULTIARCH')}"
        command = [CLANG, *FLAGS, headers, "-c", str(SOURCE), "-o", str(made)]
        subprocess.run(command, check=True, text=True)
        command = [OBJDUMP, "--disassemble", "--reloc", "--section=program", str(made)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _instructions(text: str, places: dict[str, int]) -> Iterator[str]:
    """Yield a line for each slot; note in `places` where the loader has to fill in something."""
    last = 0
    for line in text.splitlines():
        if relocation := _RELOCATION.match(line):
            places[relocation["symbol"].upper()] = last
        elif found := _LINE.match(line):
            last, code = int(found["at"]), bytes.fromhex(found["bytes"])
            if code[0] == _LOAD_WIDE:
                (immediate,) = struct.unpack_from("<I", code, 4)
                if immediate in FILLED_IN:
                    places[FILLED_IN[immediate]] = last
            for (word,) in struct.iter_unpack("<Q", code):
                yield f"    0x{word:016x}, // {last}: {found['text']}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        if TARGET.read_text() == generated():
            return 0
        sys.stderr.write(f"{TARGET.name} is not what {SOURCE.name} makes: run python tools/ebpf_program.py\n")
        return 1
    TARGET.write_text(generated())
    return 0


if __name__ == "__main__":
    sys.exit(main())
