# SPDX-License-Identifier: Apache-2.0
"""A process that writes to a real chDB and is killed: nothing that was written is lost."""

import asyncio
import os
import random
import re
import signal
import sys
from pathlib import Path

import pytest

from history_rows import now_ms
from netsonde.errors import UserError
from netsonde.history.history import History
from netsonde.model.flows import FlowRequest
from system.recorded import SETTINGS

pytestmark = pytest.mark.system


WRITER = """
import asyncio, os, sys
from pathlib import Path
from history_rows import flow, flows, now_ms
from netsonde.history.history import History
from netsonde.history.settings import HistorySettings
from netsonde.model.elements import Node
from netsonde.model.topology import NodeChange, TopologyBatch
from netsonde.process import leave_standard_input

async def main():
    leave_standard_input()
    history = await History.open(HistorySettings(memory_mib=512), Path(sys.argv[1]))
    number = int(sys.argv[2])
    while True:
        number += 1
        moment = now_ms()
        await history.write_flows([flows(*(flow(number * 100 + i, moment, moment) for i in range(100)))])
        node = Node(f"n{number}", {}, "h", "agent.h", moment, moment)
        await history.write_changes([TopologyBatch("h", "e", number, 0, [NodeChange("added", node)])], number)
        say("wrote", number)

def say(*words):
    # In one piece, so that neither a kill nor another process can cut the line.
    os.write(2, (" ".join(map(str, words)) + "\\n").encode())

asyncio.run(main())
"""


async def start_writer(directory: Path, script: str = WRITER) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(directory),
        "0",
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


async def test_nothing_written_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    writer = await start_writer(tmp_path)
    assert writer.stderr is not None
    written = 0
    while written < 30:
        _, written = await said(writer.stderr)
    writer.kill()
    rest = await writer.stderr.read()
    await writer.wait()
    written = int(rest.split()[-1]) if rest.split() else written

    history = await History.open(SETTINGS, tmp_path)

    found = await history.flows(FlowRequest(limit=1_000_000), 0, now_ms())
    graph = await history.graph(now_ms(), now_ms())
    position = history.topology_position
    await history.close()
    assert len(found.flows) >= written * 100
    assert graph.node_count() >= written
    assert position >= written


NURSERY = (
    WRITER.replace("asyncio.run(main())", "")
    + """
# The first table that is made imports pandas: once here, not in each writer. The engine cannot be loaded before a
# fork: its threads would be missing in the child, which waits for them.
flows(flow(1, 0, 0))
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.argv[2] = line
        asyncio.run(main())
    say("pid", child)
    os.waitpid(child, 0)
    say("gone")
"""
)
"""Forks a writer for each line: what a process needs to import is read once."""


@pytest.mark.timeout(300)
async def test_killed_twenty_times_while_writing_it_keeps_all_that_was_written(tmp_path: Path) -> None:
    """Each round a process opens what the one before left, writes from there on, and is killed somewhere in a write."""
    chance = random.Random(11)
    written = 0
    nursery = await start_writer(tmp_path, script=NURSERY)
    for _ in range(20):
        assert nursery.returncode is None, f"the nursery ended with {nursery.returncode}"
        written = await killed_while_writing(nursery, written, chance)
    nursery.kill()
    await nursery.wait()

    history = await History.open(SETTINGS, tmp_path)
    found = await history.flows(FlowRequest(limit=1_000_000), 0, now_ms())
    graph = await history.graph(now_ms(), now_ms())
    broken = await history._read(
        lambda database: database.rows("SELECT name FROM system.detached_parts WHERE reason LIKE 'broken%'")
    )
    await history.close()
    assert {f"{number * 100:x}" for number in range(1, written + 1)} <= {each["UUID"] for each in found.flows}
    assert {f"n{number}" for number in range(1, written + 1)} <= {each.id for each in graph.nodes()}
    assert broken == []


async def killed_while_writing(nursery: asyncio.subprocess.Process, written: int, chance: random.Random) -> int:
    """Let a new process write some batches more, kill it, and return the last that it said it had written."""
    assert nursery.stdin is not None
    assert nursery.stderr is not None
    nursery.stdin.write(f"{written}\n".encode())
    pid, enough = 0, written + chance.randrange(1, 4)
    while written < enough or not pid:
        word, number = await said(nursery.stderr)
        pid, written = (number, written) if word == "pid" else (pid, number)
    await asyncio.sleep(chance.random() * 0.05)
    os.kill(pid, signal.SIGKILL)
    while (words := await said(nursery.stderr))[0] != "gone":
        written = words[1]
    return written


async def said(stderr: asyncio.StreamReader) -> tuple[str, int]:
    """Return what a writer says next: that it wrote a batch, `pid`, or `gone`; anything else is what it died of."""
    line = await stderr.readline()
    found = re.fullmatch(rb"(?:(pid|wrote) (\d+)|gone)\n", line)
    if found is None:
        async with asyncio.timeout(20):
            pytest.fail((line + await stderr.read(1 << 16)).decode(errors="replace"))
    return (found[1] or b"gone").decode(), int(found[2] or 0)


async def test_directory_has_one_owner(tmp_path: Path) -> None:
    writer = await start_writer(tmp_path)
    assert writer.stderr is not None
    await writer.stderr.readline()

    with pytest.raises(UserError, match=f"in use by process {writer.pid}"):
        await History.open(SETTINGS, tmp_path)

    writer.kill()
    await writer.wait()


async def test_what_comes_by_standard_input_becomes_no_row(tmp_path: Path) -> None:
    """The engine would take it for rows of the next insert, and refuse that."""
    writer = await start_writer(tmp_path)
    assert writer.stdin is not None
    assert writer.stderr is not None
    writer.stdin.write(b"no row\n")
    assert await said(writer.stderr) == ("wrote", 1)
    writer.kill()
    await writer.wait()
