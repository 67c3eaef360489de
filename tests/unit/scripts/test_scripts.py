# SPDX-License-Identifier: Apache-2.0
"""Scripts in real isolates, whose process takes a third of a second to start: most tests share one."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import ClassVar

import msgspec
import pytest
import pytest_asyncio

from netsonde.model.elements import Json
from netsonde.observe import Health
from netsonde.query import parse
from netsonde.scripts import frames
from netsonde.scripts.host import Answer, Host
from netsonde.scripts.limits import ScriptFailed, ScriptLimits, ScriptStopped
from netsonde.scripts.pool import Busy, Scripts
from netsonde.scripts.process import Isolate

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = ScriptLimits(seconds=1.5, memory_mib=32)
NODE: dict[str, Json] = {"ID": "n1", "Host": "h", "Metadata": {"Name": "eth0"}}


class FakeHost:
    """Answers from a table, and remembers."""

    def __init__(self, answers: dict[str, Json] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[tuple[str, str, Json]] = []
        self.lines: list[str] = []
        self.heard: list[tuple[float, str]] = []
        self.began = asyncio.Event()

    async def request(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> Answer:
        self.asked.append((method, path, msgspec.json.decode(body) if body else None))
        if path not in self.answers:
            return Answer(404, f"nothing is at {path}\n")
        return Answer(200, msgspec.json.encode(self.answers[path]).decode())

    def log(self, line: str) -> None:
        self.lines.append(line)

    def progress(self, fraction: float, text: str) -> None:
        self.heard.append((fraction, text))
        self.began.set()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scripts() -> AsyncIterator[Scripts]:
    pool = Scripts(Health("scripts"))
    yield pool
    await pool.close()


async def result_of(scripts: Scripts, source: str, *arguments: Json, host: FakeHost | None = None) -> Json:
    found: Json = msgspec.json.decode(await scripts.call(source, [*arguments], host or FakeHost(), LIMITS))
    return found


async def test_a_function_is_called_with_its_arguments(scripts: Scripts) -> None:
    assert await result_of(scripts, "function add(a, b) { return {sum: a + b}; }", 1, 2) == {"sum": 3}


async def test_nothing_of_one_script_is_seen_by_the_next(scripts: Scripts) -> None:
    await result_of(scripts, "function () { secret = 1; Array.prototype.map = null; }")
    assert await result_of(scripts, "function () { return [typeof secret, typeof [].map]; }") == [
        "undefined",
        "function",
    ]


async def test_a_query_is_asked_while_the_script_waits(scripts: Scripts) -> None:
    host = FakeHost({"/api/topology": [NODE]})
    source = "function (name) { return client.G.V().Has('Name', name).result()[0].Metadata.Name; }"
    assert await result_of(scripts, source, "it's", host=host) == "eth0"
    [(method, path, body)] = host.asked
    assert (method, path, body) == ("POST", "/api/topology", {"GremlinQuery": r"G.V().Has('Name', 'it\'s')"})


async def test_a_chain_of_the_builder_is_a_query_that_we_read(scripts: Scripts) -> None:
    source = """function (odd) {
      return [
        G.V().Has('TID', odd).ShortestPathTo(Metadata('TID', 'b'), Metadata('RelationType', 'layer2')),
        G.Context('NOW', 60).V().Has('MTU', GT(1400)).Out().Dedup().Sort(DESC, 'Name').Subgraph(),
        G.Flows().Has('Application', WITHIN('TCP', 'UDP')).Nodes().Count(), G.E().OutV().Values('Name'),
      ].map(String);
    }"""
    found = await result_of(scripts, source, "a'\\\n")
    assert isinstance(found, list)
    assert [parse(str(text)).kind.value for text in found] == ["paths", "graph", "value", "values"]


async def test_results_serve_as_data_and_as_promises(scripts: Scripts) -> None:
    host = FakeHost({"/api/topology": [NODE], "/api/capture": {"UUID": "c1"}, "/api/capture/c1": None})
    source = """async function () {
      var made = client.captures.create({GremlinQuery: 'G.V()'});
      var chained = client.gremlin.query('G.V()').then(function (nodes) { return nodes.length; });
      var waited = await client.G.V().result();
      await client.captures.delete(made.UUID);
      return [made.UUID, chained, waited[0].ID];
    }"""
    assert await result_of(scripts, source, host=host) == ["c1", 1, "n1"]
    assert [method for method, _, _ in host.asked] == ["POST", "POST", "POST", "DELETE"]


async def test_a_refused_request_is_an_error_of_the_script(scripts: Scripts) -> None:
    with pytest.raises(ScriptFailed, match="line 2: Error: nothing is at /api/nowhere"):
        await result_of(scripts, "function () {\n  request('/api/nowhere', 'GET');\n}")


async def test_timers_uuids_log_and_progress_work(scripts: Scripts) -> None:
    host = FakeHost()
    source = """function () {
      console.log('half', {n: 1});
      progress(0.5, 'half');
      return new Promise(function (done) {
        var ticks = 0;
        var timer = setInterval(function () {
          if (++ticks === 3) { clearInterval(timer); done(UUID(5, '', 'x')); }
        }, 1);
      });
    }"""
    first = await result_of(scripts, source, host=host)
    assert first == await result_of(scripts, source)
    assert host.lines == ['half {"n":1}']
    assert host.heard == [(0.5, "half")]


async def test_a_mistake_is_told_with_its_place(scripts: Scripts) -> None:
    source = "function () {\n  var a = 1;\n  return a.b.c;\n}"
    with pytest.raises(ScriptFailed) as failed:
        await result_of(scripts, source)
    assert failed.value.line == 3
    assert failed.value.span is not None
    assert source[failed.value.span.start :].startswith("c;")


async def test_what_is_no_function_is_refused_when_it_is_read(scripts: Scripts) -> None:
    await scripts.check("function () { while (true) {} }")
    with pytest.raises(ScriptFailed, match="line 2: SyntaxError"):
        await scripts.check("function () {\n  var a = ;\n}")


async def test_a_promise_that_nothing_settles_is_an_error(scripts: Scripts) -> None:
    with pytest.raises(ScriptFailed, match="nothing can settle"):
        await result_of(scripts, "function () { return new Promise(function () {}); }")


async def test_files_shared_memory_and_further_engines_are_out_of_reach(scripts: Scripts) -> None:
    with pytest.raises(ScriptFailed, match="run\\(\\) reads files of the server"):
        await result_of(scripts, "function () { run('/etc/passwd'); }")
    source = "function () { return [typeof WebAssembly, typeof Atomics, typeof SharedArrayBuffer, typeof process]; }"
    assert await result_of(scripts, source) == ["undefined"] * 4


async def test_an_expression_sees_its_bindings_and_nothing_else(scripts: Scripts) -> None:
    assert await scripts.evaluate("var most = 2; flows.length > most", {"flows": [1, 2, 3]}) is True
    with pytest.raises(ScriptFailed, match="may not ask"):
        await scripts.evaluate("Gremlin('G')", {})


OVERRUNS = {
    "memory": "function () { var all = []; while (true) all.push(new Array(1000).fill(all.length + 0.5)); }",
    "log": "function () { while (true) console.log('flood'); }",
    "result": "function () { return 'x'.repeat(3000000); }",
    "requests": "function () { while (true) request('/api', 'GET'); }",
    "progress": "function () { while (true) progress(0.5, 'flood'); }",
}


@pytest.mark.parametrize("reason", OVERRUNS)
async def test_a_script_beyond_a_limit_is_stopped(scripts: Scripts, reason: str) -> None:
    limits = replace(LIMITS, log_lines=100, result_bytes=1_000_000, requests=100, progress=100)
    with pytest.raises(ScriptStopped) as stopped:
        await scripts.call(OVERRUNS[reason], [], FakeHost({"/api": 1}), limits)
    assert stopped.value.reason == reason
    assert stopped.value.hint


@pytest.mark.parametrize(
    "expression",
    [
        '"\\ud800"',
        'JSON.rawJSON("1e400")',
        'JSON.rawJSON("9".repeat(5000))',
        "var a = []; for (var i = 0; i < 3000; i++) a = [a]; a",
    ],
)
async def test_a_value_that_nobody_can_read_is_the_scripts_mistake(scripts: Scripts, expression: str) -> None:
    with pytest.raises(ScriptStopped, match="its value cannot be read"):
        await scripts.evaluate(expression, {})


async def test_an_endless_script_is_stopped(scripts: Scripts) -> None:
    with pytest.raises(ScriptStopped, match=r"ran longer than 0\.2 s"):
        await scripts.call("function () { while (true) {} }", [], FakeHost(), replace(LIMITS, seconds=0.2))


async def test_buffers_beside_the_heap_count_as_memory(scripts: Scripts) -> None:
    source = "function () { var all = []; while (true) all.push(new Uint8Array(16 << 20).fill(1)); }"
    with pytest.raises(ScriptStopped, match="MiB") as stopped:
        await scripts.call(source, [], FakeHost(), LIMITS)
    assert stopped.value.reason == "memory"


async def test_a_script_that_calls_itself_fails_and_its_process_goes_on(scripts: Scripts) -> None:
    with pytest.raises(ScriptFailed, match="Maximum call stack size exceeded"):
        await result_of(scripts, "function again() { return again() + 1; }")
    assert await result_of(scripts, "function () { return 1; }") == 1


async def test_a_cancelled_script_is_ended_at_once(scripts: Scripts) -> None:
    host = FakeHost()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(scripts.call("function () { progress(0); while (true) {} }", [], host, LIMITS))
        await host.began.wait()
        running.cancel()
    assert await result_of(scripts, "function () { return 'free'; }") == "free"


async def test_a_host_that_crashes_leaves_no_script_behind_for_the_next(scripts: Scripts) -> None:
    host = FakeHost({"/api/none": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        await result_of(scripts, "function () { return request('/api/none', 'GET'); }", host=host)
    assert await result_of(scripts, "function () { return 1; }") == 1


async def test_a_process_that_ended_is_not_signalled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate = Isolate()
    await isolate.start()
    await isolate.kill()
    signalled: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, _: signalled.append(group))
    await isolate.kill()
    assert (isolate.is_alive, signalled) == (False, [])


async def test_scripts_beyond_the_queue_are_refused() -> None:
    pool = Scripts(Health("scripts"), waiting=0)
    with pytest.raises(Busy, match="wait already"):
        await pool.evaluate("1", {})


class Quiet(Isolate):
    """A process that is none, and returns null."""

    alive: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.name = f"{len(self.alive)}.{id(self)}"

    @property
    def is_alive(self) -> bool:
        return self.name in self.alive

    async def start(self) -> None:
        self.alive.add(self.name)

    async def run(self, run: frames.Run, host: Host, limits: ScriptLimits) -> msgspec.Raw:
        return msgspec.Raw(b"null")

    async def kill(self) -> None:
        self.alive.discard(self.name)


async def test_no_more_processes_wait_for_their_owners_than_there_are_places() -> None:
    pool = Scripts(Health("scripts"), places=2, make=Quiet)
    for owner in ("a", "b", "c", "d"):
        await pool.evaluate("1", {}, owner=owner)
    assert len(Quiet.alive) == 2
    await pool.close()
    assert Quiet.alive == set()


@pytest.mark.parametrize("confined", [True, False])
async def test_that_the_kernel_forbids_nothing_is_said_by_the_health(confined: bool) -> None:
    program = (
        "import sys\nfrom netsonde.scripts import frames\n"
        f"for one in (frames.Ready(confined={confined}), frames.Done('7')):\n"
        "    sys.stdout.buffer.write(frames.encode(one))\n"
        "sys.stdout.flush()\nsys.stdin.read()\n"
    )
    health = Health("scripts")
    pool = Scripts(health, make=lambda: Isolate(("-c", program)))
    health.running()
    assert await result_of(pool, "whatever") == 7
    await pool.close()
    assert (health.state, "seccomp" in health.reason) == ("running", not confined)
    health.failed("something else")
    health.remark("this is the lesser trouble")
    assert health.reason == "something else"


async def test_processes_of_ours_are_confined_here() -> None:
    isolate = Isolate()
    await isolate.start()
    await isolate.kill()
    assert isolate.is_confined
