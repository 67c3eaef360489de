# SPDX-License-Identifier: Apache-2.0
"""The bus against a real nats-server that is killed and restarted."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nats.aio.msg import Msg

from netsonde.access.authority import open_authority, request_for
from netsonde.access.enrolment import subject_of
from netsonde.analyzer.holder import holder_of
from netsonde.bus.buckets import Bucket
from netsonde.bus.calls import Handler
from netsonde.bus.connection import Bus
from netsonde.bus.follower import TopologyFollower
from netsonde.bus.lease import LEASES, Lease, LeaseEntry
from netsonde.bus.overhear import overhear
from netsonde.bus.permissions import accounts
from netsonde.bus.presence import hosts_bucket, presence_key
from netsonde.bus.reports import ReportConsumer, ReportPublisher
from netsonde.bus.server import PrivateServer, ServerSettings, Shared
from netsonde.bus.settings import BusSettings
from netsonde.bus.subjects import MAX_PAYLOAD
from netsonde.bus.topology import TopologyLog, TopologyPublisher, encode_batch, fetch_snapshot
from netsonde.errors import Conflict, NotFound, SourceLost, UserError
from netsonde.model.captures import Capture
from netsonde.model.elements import Edge, Node
from netsonde.model.presence import Presence
from netsonde.model.topology import NodeChange, TopologyBatch, TopologySnapshot
from system.stack import free_port

pytestmark = pytest.mark.system


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[PrivateServer]:
    private = PrivateServer(ServerSettings(tmp_path / "nats"))
    await private.start()
    yield private
    await private.stop()


def settings_for(server: PrivateServer) -> BusSettings:
    return BusSettings(url=server.url, token_file=server.token_file, request_timeout=2.0)


@pytest.fixture
async def bus(server: PrivateServer) -> AsyncIterator[Bus]:
    connected = await Bus.connect(settings_for(server), name="test", wait=10)
    yield connected
    await connected.close()


@pytest.fixture(params=[True, False], ids=["consumers", "heard"])
async def either(bus: Bus, request: pytest.FixtureRequest) -> Bus:
    """A bus that follows buckets by consumers, or without as agents with certificates do: others make what is there."""
    await (await bus.bucket("captures", codec=Capture)).items()
    bus.makes_consumers = request.param
    return bus


async def kill_and_restart(server: PrivateServer) -> None:
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    await server.start()


def opened(directory: Path) -> tuple[Shared, BusSettings]:
    """Return how a server is open to other hosts, and how its own processes come in."""
    authority = open_authority(directory)
    certificate, key = authority.server(["127.0.0.1"], 1, common_name="owner", client=True)
    files = Shared(
        "127.0.0.1",
        free_port(),
        directory / "server.pem",
        directory / "server.key",
        directory / "ca.pem",
        lambda: accounts("CN=owner", []),
    )
    files.certificate.write_bytes(certificate)
    files.key.write_bytes(key)
    own = BusSettings(
        url=f"tls://127.0.0.1:{files.port}",
        tls_ca=files.ca,
        tls_certificate=files.certificate,
        tls_key=files.key,
        request_timeout=2.0,
    )
    return files, own


async def test_what_is_stored_stays_when_the_bus_is_opened_and_closed(tmp_path: Path) -> None:
    (tmp_path / "access").mkdir()
    shared, own = opened(tmp_path / "access")
    seen = []
    for number, how in enumerate((None, shared, None)):
        server = PrivateServer(ServerSettings(tmp_path / "nats", shared=how))
        await server.start()
        bus = await Bus.connect(settings_for(server) if how is None else own, name="test", wait=10)
        bucket = await bus.bucket("captures", codec=Capture)
        await bucket.put(str(number), Capture(uuid=str(number)))
        seen.append(list(await bucket.items()))
        await bus.close()
        await server.stop()
    assert seen == [["0"], ["0", "1"], ["0", "1", "2"]]


@asynccontextmanager
async def running(*works: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run things in the background for the time of the block."""
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(work(), name="test") for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def wait_until(condition: Callable[[], bool], within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  # any state of any object, hence no event to wait for
            await asyncio.sleep(0.01)


async def test_server_keeps_its_secrets_to_itself(server: PrivateServer) -> None:
    assert stat.S_IMODE(server.token_file.stat().st_mode) == 0o600
    assert stat.S_IMODE((server.token_file.parent / "server.conf").stat().st_mode) == 0o600
    with pytest.raises(SourceLost, match="Authorization"):
        await Bus.connect(BusSettings(url=server.url, token="wrong"), name="intruder", wait=1)


async def test_a_server_whose_files_cannot_be_written_goes_on_with_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "access").mkdir()
    shared, _ = opened(tmp_path / "access")
    agents: list[tuple[str, str]] = []
    shared = replace(shared, accounts=lambda: accounts("CN=owner", agents))
    server = PrivateServer(ServerSettings(tmp_path / "nats", shared=shared))
    in_the_way = tmp_path / "nats/server.conf.new"
    in_the_way.mkdir(parents=True)
    with pytest.raises(SourceLost, match=r"cannot start nats-server.*server\.conf"):
        await server.start()
    in_the_way.rmdir()
    await server.start()
    before = (tmp_path / "nats/server.conf").read_text()

    in_the_way.mkdir()
    agents.append(("CN=h1", "h1"))
    with pytest.raises(SourceLost, match=r"server\.conf"):
        server.reload()
    assert (tmp_path / "nats/server.conf").read_text() == before
    agents.clear()
    await server.stop()
    # Nothing has to be written where nothing has changed.
    await server.start()
    await server.stop()


@pytest.mark.parametrize("host", ["büro", "主机", 'a "quote", a \\ and $HOME'])
async def test_an_agent_whose_host_is_called_in_any_letters_gets_its_account(host: str, tmp_path: Path) -> None:
    (tmp_path / "access").mkdir()
    shared, own = opened(tmp_path / "access")
    request, key = request_for(host)
    (tmp_path / "agent.key").write_bytes(key)
    (tmp_path / "agent.pem").write_bytes(open_authority(tmp_path / "access").agent(request, host, 1))
    shared = replace(shared, accounts=lambda: accounts("CN=owner", [(subject_of(host), host)]))
    server = PrivateServer(ServerSettings(tmp_path / "nats", shared=shared))
    await server.start()
    theirs = replace(own, tls_certificate=tmp_path / "agent.pem", tls_key=tmp_path / "agent.key")
    bus = await Bus.connect(own, name="analyzer", wait=10)
    agent = await Bus.connect(theirs, name=f"agent {host}", wait=10)

    await (await hosts_bucket(bus)).items()
    presence = Presence("agent", host, "1", 1, 0, "", [])
    await (await hosts_bucket(agent)).put(presence_key(presence), presence)
    assert await (await hosts_bucket(bus)).items() == {f"agent.{host}": presence}

    await agent.close()
    await bus.close()
    await server.stop()


async def test_server_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from netsonde.bus.server import PrivateServer, ServerSettings\n"
        "async def main():\n"
        "    server = PrivateServer(ServerSettings(Path(sys.argv[1])))\n"
        "    await server.start()\n"
        "    print(server.pid, file=sys.stderr, flush=True)\n"
        "    await server.wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(tmp_path / "nats"),
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stderr is not None
    pid = int(await parent.stderr.readline())

    parent.kill()
    await parent.wait()

    await wait_until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in state_of(pid))


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "Z"


async def test_connection_is_made_anew_when_the_server_was_killed(server: PrivateServer, bus: Bus) -> None:
    await kill_and_restart(server)
    bucket = await bus.bucket("captures", codec=Capture)

    await wait_until(lambda: bus.connected)
    await bucket.put("a", Capture(uuid="a"))

    assert bus.health.state == "running"
    assert bus.health.counters["connections"] == 2


async def test_a_secret_that_is_replaced_while_the_server_restarts_does_not_end_the_connection(
    server: PrivateServer, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    settings = BusSettings(url=server.url, token_file=secret, request_timeout=2.0)
    with pytest.raises(SourceLost, match=r"cannot read the secret in .*bus\.token_file"):
        await Bus.connect(settings, name="test", wait=0.2)
    secret.write_text(server.token_file.read_text())
    bus = await Bus.connect(settings, name="test", wait=10)

    secret.unlink()
    await kill_and_restart(server)
    await wait_until(lambda: "secret" in bus.health.reason)
    secret.write_text(server.token_file.read_text())
    await wait_until(lambda: bus.connected)

    await bus.close()


async def test_bucket_reads_what_it_wrote(either: Bus) -> None:
    bucket = await either.bucket("captures", codec=Capture)

    revision = await bucket.create("k.host.example.org", Capture(uuid="1"))
    await bucket.update("k.host.example.org", Capture(uuid="2"), revision)

    assert (await bucket.get("k.host.example.org")) == Capture(uuid="2")
    assert (await bucket.get("missing")) is None
    assert list(await bucket.items()) == ["k.host.example.org"]
    with pytest.raises(Conflict):
        await bucket.create("k.host.example.org", Capture())
    with pytest.raises(Conflict):
        await bucket.update("k.host.example.org", Capture(), revision)
    assert await bucket.delete("k.host.example.org")
    assert not await bucket.delete("k.host.example.org")
    assert await bucket.items() == {}
    await bucket.create("k.host.example.org", Capture(uuid="3"))


async def test_a_writer_of_a_shared_bucket_cannot_take_away_what_others_wrote(bus: Bus) -> None:
    jetstream = await bus.jetstream()
    by_an_earlier_build = await bus.bucket("capture-status", codec=Capture)
    await by_an_earlier_build.put("c.other", Capture())
    other = await Bus.connect(bus.settings, name="other", wait=10)
    bucket = await other.bucket("capture-status", codec=Capture, shared=True)
    await bucket.put("c.one", Capture())

    for scope in ("all", "sub"):
        with pytest.raises(SourceLost, match="rollup not permitted"):
            await jetstream.publish("$KV.capture-status.c.liar", b"{}", {"Nats-Rollup": scope})

    await bucket.delete("c.one")
    assert list(await bucket.items()) == ["c.other"]
    await other.close()


async def test_a_full_bucket_refuses_unless_it_rolls(bus: Bus) -> None:
    full = await bus.bucket("full", codec=Capture, max_bytes=16_384)
    rolling = await bus.bucket("rolling", codec=Capture, max_bytes=16_384, rolls=True)

    async def fill(bucket: Bucket[Capture]) -> None:
        for number in range(30):
            await bucket.create(str(number), Capture(description="x" * 1000))

    with pytest.raises(SourceLost, match="maximum bytes exceeded"):
        await fill(full)
    await fill(rolling)
    kept = {int(key) for key in await rolling.items()}
    assert (29 in kept, 0 in kept) == (True, False)


async def test_a_log_is_read_backwards_page_by_page(bus: Bus) -> None:
    records = await bus.bucket("log", codec=Capture)
    assert await records.latest(3) == []
    numbers = [await records.put(f"k{number}", Capture(uuid=str(number))) for number in range(12)]
    for number in range(3, 10):
        await records.delete(f"k{number}")
    first = await records.latest(3)
    assert [entry.value.uuid for entry in first if entry.value] == ["11", "10", "2"]
    assert [entry.revision for entry in first] == [numbers[11], numbers[10], numbers[2]]
    rest = await records.latest(5, before=first[-1].revision)
    assert [entry.value.uuid for entry in rest if entry.value] == ["1", "0"]
    assert await records.latest(5, before=numbers[0]) == []


async def test_keys_may_hold_anything(bus: Bus) -> None:
    bucket = await bus.bucket("captures", codec=Capture)
    names = ["höst", "a b", ".x.", "a..b", "star*", "gt>"]

    for name in names:
        await bucket.put(name, Capture(uuid=name))

    assert {key: value.uuid for key, value in (await bucket.items()).items()} == {name: name for name in names}


async def test_entry_expires_and_watchers_are_told(either: Bus) -> None:
    bucket = await either.bucket("captures", codec=Capture)
    async with aclosing(bucket.watch()) as entries:
        assert (await anext(entries)).kind == "current"
        await bucket.put("short", Capture(uuid="short"), ttl_s=1)
        assert (await anext(entries)).key == "short"

        gone = await anext(entries)

    assert (gone.kind, gone.key) == ("delete", "short")
    assert await bucket.get("short") is None
    await bucket.create("short", Capture())


async def test_bucket_with_a_ttl_forgets(bus: Bus) -> None:
    bucket = await bus.bucket("hosts-test", codec=Capture, ttl_s=1)
    async with aclosing(bucket.watch()) as entries:
        assert (await anext(entries)).kind == "current"
        await bucket.put("a", Capture())
        assert (await anext(entries)).kind == "put"
        assert (await anext(entries)).kind == "delete"


async def test_what_is_deleted_leaves_nothing_behind(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsonde.bus.buckets._REMOVAL_TTL_S", 1)
    monkeypatch.setattr("netsonde.bus.buckets._MARKER_TTL_NS", 1_000_000_000)
    bucket = await bus.bucket("fleeting", codec=Capture)
    for key in "abc":
        await bucket.put(key, Capture())
        await bucket.delete(key)
    jetstream = await bucket._ready()
    async with asyncio.timeout(20):
        while (extent := await jetstream.extent("KV_fleeting"))[0] <= extent[1]:  # noqa: ASYNC110  the server knows
            await asyncio.sleep(0.05)
    assert await bucket.create("a", Capture()) > extent[1]


async def test_watch_tells_what_changed_while_the_server_was_dead(server: PrivateServer, either: Bus) -> None:
    bucket = await either.bucket("captures", codec=Capture)
    for key in "abc":
        await bucket.put(key, Capture(uuid=key))
    async with aclosing(bucket.watch()) as entries:
        seen = [await anext(entries) for _ in range(4)]
        assert [entry.kind for entry in seen] == ["put"] * 3 + ["current"]
        await kill_and_restart(server)
        other = await Bus.connect(settings_for(server), name="other", wait=10)
        elsewhere = await other.bucket("captures", codec=Capture)
        await elsewhere.delete("a")
        await elsewhere.put("b", Capture(uuid="changed"))
        await elsewhere.put("d", Capture(uuid="d"))
        await other.close()

        told = [await anext(entries) for _ in range(3)]

    changes = {entry.key: entry.value.uuid if entry.value else None for entry in told}
    assert changes == {"a": None, "b": "changed", "d": "d"}


async def test_watch_survives_rubbish(server: PrivateServer, either: Bus) -> None:
    numbers = await either.bucket("captures", codec=int)
    captures = await either.bucket("captures", codec=Capture)
    await numbers.put("bad", 5)
    await captures.put("good", Capture(uuid="good"))

    assert list(await captures.items()) == ["good"]
    assert either.health.counters["bucket_entries_refused"] >= 1


async def big_answers(request: bytes) -> AsyncIterator[bytes]:
    for size in (0, 1, 3_000_000, 700_000):
        yield request * size


async def test_call_returns_items_of_any_size(bus: Bus) -> None:
    await bus.serve("h.example", "big", big_answers)

    items = [item async for item in bus.call("h.example", "big", b"xy")]

    assert [len(item) for item in items] == [0, 2, 6_000_000, 1_400_000]


async def test_call_of_a_long_answer_is_not_dropped(bus: Bus) -> None:
    async def many(request: bytes) -> AsyncIterator[bytes]:
        for number in range(5000):
            yield number.to_bytes(4, "big") * 1000

    await bus.serve("h", "many", many)
    expected = 0
    async for item in bus.call("h", "many", b""):
        assert int.from_bytes(item[:4], "big") == expected
        expected += 1
        if expected % 1000 == 0:
            await asyncio.sleep(0.05)

    assert expected == 5000


async def test_call_fails_with_the_reason(bus: Bus) -> None:
    async def refuse(request: bytes) -> AsyncIterator[bytes]:
        yield b"one"
        raise NotFound("no such capture", hint="list them")

    async def crash(request: bytes) -> AsyncIterator[bytes]:
        yield b""
        raise ZeroDivisionError("oops")

    await bus.serve("h", "refuse", refuse)
    await bus.serve("h", "crash", crash)

    with pytest.raises(NotFound, match="no such capture") as refused:
        [item async for item in bus.call("h", "refuse", b"")]
    assert refused.value.hint == "list them"
    with pytest.raises(SourceLost, match="ZeroDivisionError"):
        [item async for item in bus.call("h", "crash", b"")]
    with pytest.raises(SourceLost, match="nobody answers"):
        [item async for item in bus.call("nowhere", "refuse", b"")]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([b""], "makes no sense"),
        ([b"\x00\x00"], "makes no sense"),
        ([b"\xff\x00\x00\x00\x00"], "makes no sense"),
        ([b"\x03\x00\x00\x00\x00{"], "words that make no sense"),
        ([b"\x03\x00\x00\x00\x00\xff\xfe"], "words that make no sense"),
        ([b"\x01\x00\x00\x00\x07part"], "part 0 of the answer is missing"),
        ([bytes([1, 0, 0, 0, number]) + bytes(600) for number in range(3)], "longer than 1500 bytes"),
    ],
)
async def test_an_answer_of_rubbish_is_a_lost_source(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, said: list[bytes], why: str
) -> None:
    monkeypatch.setattr("netsonde.bus.calls._ITEM_BYTES", 1500)
    link = await bus.link()

    async def say(message: Msg) -> None:
        for one in said:
            await link.publish(message.reply, one)

    await link.subscribe("netsonde.agent.rubbish.any", say)

    with pytest.raises(SourceLost, match=why):
        [item async for item in bus.call("rubbish", "any", b"")]


def endless(stopped: asyncio.Event) -> Handler:
    """Answer without an end, and tell when somebody puts one to it."""

    async def answer(request: bytes) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            stopped.set()

    return answer


async def test_a_confirmation_of_rubbish_ends_the_answer(bus: Bus) -> None:
    stopped = asyncio.Event()
    await bus.serve("h", "endless", endless(stopped))
    link = await bus.link()
    asker = await link.open_inbox(limit=1000)
    await link.publish("netsonde.agent.h.endless", b"", reply=asker.subject)
    first = await asker.inbox.get(20, "no answer")
    await link.publish(first.reply, b"all of them")

    async with asyncio.timeout(20):
        await stopped.wait()
    await asker.close()


async def test_answerer_stops_when_the_asker_goes(bus: Bus) -> None:
    stopped = asyncio.Event()
    await bus.serve("h", "endless", endless(stopped))
    async with aclosing(bus.call("h", "endless", b"")) as items:
        await anext(items)

    async with asyncio.timeout(20):
        await stopped.wait()


async def test_an_answerer_without_news_gives_up_on_a_silent_asker(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsonde.bus.calls._ALIVE_INTERVAL", 0.05)
    monkeypatch.setattr("netsonde.bus.calls._ASKER_SILENCE", 0.3)
    given_up = asyncio.Event()

    async def never(request: bytes) -> AsyncIterator[bytes]:
        try:
            await asyncio.Event().wait()
            yield b"x"
        finally:
            given_up.set()

    await bus.serve("h", "never", never)
    link = await bus.link()
    silent = await link.open_inbox(limit=1000)
    await link.publish("netsonde.agent.h.never", b"", reply=silent.subject)
    async with asyncio.timeout(20):
        await given_up.wait()
    await silent.close()


async def test_silent_answerer_is_alive(bus: Bus) -> None:
    async def slow(request: bytes) -> AsyncIterator[bytes]:
        await asyncio.sleep(2.5)
        yield b"late"

    await bus.serve("h", "slow", slow)

    assert [item async for item in bus.call("h", "slow", b"", timeout=1.5)] == [b"late"]


async def test_calls_are_served_again_after_a_restart(server: PrivateServer, bus: Bus) -> None:
    await bus.serve("h", "big", big_answers)
    await kill_and_restart(server)
    await wait_until(lambda: bus.connected)

    items = [item async for item in bus.call("h", "big", b"x")]

    assert len(items) == 4


async def consume(bus: Bus, got: list[bytes]) -> None:
    async for batch in ReportConsumer(bus, "flows", within=0.1, ack_wait=2.0).batches():
        got += batch.payloads
        with suppress(SourceLost):  # they come again
            await batch.ack()


async def test_reports_arrive_once_although_the_server_is_killed(
    server: PrivateServer, bus: Bus, tmp_path: Path
) -> None:
    publisher = ReportPublisher(bus, "flows", "h.1", tmp_path)
    got: list[bytes] = []
    sent = [b"%d" % number for number in range(3000)]
    async with running(publisher.run, lambda: consume(bus, got)):
        for number, report in enumerate(sent):
            publisher.offer(report)
            if number % 1000 == 500:
                await asyncio.sleep(0.05)
                await kill_and_restart(server)
        await wait_until(lambda: len(set(got)) == len(sent))

    assert sorted(set(got), key=int) == sent
    assert bus.health.counters.get("flows_dropped", 0) == 0


async def test_reports_wait_in_the_spool_of_a_dead_agent(server: PrivateServer, bus: Bus, tmp_path: Path) -> None:
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    publisher = ReportPublisher(bus, "flows", "h", tmp_path)
    async with running(publisher.run):
        for number in range(100):
            publisher.offer(b"%d" % number)
        await asyncio.sleep(0.2)
    await server.start()
    got: list[bytes] = []
    successor = ReportPublisher(bus, "flows", "h", tmp_path)

    async with running(successor.run, lambda: consume(bus, got)):
        await wait_until(lambda: len(got) == 100)

    assert got == [b"%d" % number for number in range(100)]


async def test_a_report_too_long_for_the_bus_holds_nothing_up(bus: Bus, tmp_path: Path) -> None:
    publisher = ReportPublisher(bus, "flows", "h", tmp_path)
    got: list[bytes] = []
    async with running(publisher.run, lambda: consume(bus, got)):
        for report in (b"before", bytes(MAX_PAYLOAD + 1024 * 1024), b"behind"):
            publisher.offer(report)
        await wait_until(lambda: len(got) == 2)

    assert got == [b"before", b"behind"]
    assert bus.health.counters["flows_dropped"] == 1


async def test_unacknowledged_reports_come_again(bus: Bus, tmp_path: Path) -> None:
    publisher = ReportPublisher(bus, "flows", "h", tmp_path)
    got: list[bytes] = []
    async with running(publisher.run):
        publisher.offer(b"one")
        await publisher.drained()
        async for batch in ReportConsumer(bus, "flows", within=0.1).batches():
            await batch.refuse()
            break
        async with running(lambda: consume(bus, got)):
            await wait_until(lambda: got == [b"one"])


async def test_what_a_stopped_reader_had_taken_can_still_be_stored(bus: Bus, tmp_path: Path) -> None:
    publisher = ReportPublisher(bus, "flows", "h", tmp_path)
    consumer = ReportConsumer(bus, "flows", within=30.0)

    async def read() -> None:
        async for _ in consumer.batches():
            raise AssertionError("a batch ended before its time")

    def taken() -> list[bytes]:
        rest = consumer.unsettled()
        return [] if rest is None else rest.payloads

    async with running(publisher.run), running(read):
        publisher.offer(b"one")
        await wait_until(lambda: taken() == [b"one"])
        publisher.offer(b"two")
        await wait_until(lambda: taken() == [b"one", b"two"])
    rest = consumer.unsettled()
    assert rest is not None
    assert rest.payloads == [b"one", b"two"]
    await rest.ack()
    assert consumer.unsettled() is None


async def test_reports_are_overheard_beside_their_consumer_and_gaps_are_told(
    server: PrivateServer, bus: Bus, tmp_path: Path
) -> None:
    heard: list[bytes | None] = []
    stored: list[bytes] = []

    async def listen() -> None:
        async for payload in overhear(bus, "flows"):
            heard.append(payload)  # noqa: PERF401  it never ends

    publisher = ReportPublisher(bus, "flows", "h1", tmp_path)
    async with running(publisher.run, listen, lambda: consume(bus, stored)):
        await wait_until(lambda: heard == [None])
        publisher.offer(b"one")
        await wait_until(lambda: (heard, stored) == ([None, b"one"], [b"one"]))
        await kill_and_restart(server)
        await wait_until(lambda: heard == [None, b"one", None])
        publisher.offer(b"two")
        await wait_until(lambda: heard[3:] == [b"two"])


async def test_duplicates_of_the_spool_are_stored_once(bus: Bus, tmp_path: Path) -> None:
    jetstream = await bus.ensure_reports("flows")

    first = await jetstream.publish("netsonde.flows.h", b"x", {"Nats-Msg-Id": "s-1"})
    second = await jetstream.publish("netsonde.flows.h", b"x", {"Nats-Msg-Id": "s-1"})

    assert first == second
    assert await jetstream.last_sequence("NETSONDE_FLOWS") == 1


def node(number: int, revision: int = 1) -> Node:
    return Node(f"n{number}", {"Name": f"n{number}"}, "h", "agent.h", 1, 1, revision=revision)


class Agent:
    """A graph of nodes that is published as it grows."""

    def __init__(self, bus: Bus, directory: Path, host: str = "h") -> None:
        self.nodes: list[Node] = []
        self.publisher = TopologyPublisher(bus, host, directory, lambda: (self.nodes, list[Edge]()))

    def add(self) -> None:
        added = node(len(self.nodes))
        self.nodes.append(added)
        self.publisher.publish([NodeChange("added", added)])


class Mirror:
    """What a follower is told."""

    def __init__(self) -> None:
        self.nodes: list[str] = []
        self.snapshots = 0

    def on_snapshot(self, snapshot: TopologySnapshot) -> None:
        self.snapshots += 1
        self.nodes = [node.id for node in snapshot.nodes]

    def on_batch(self, batch: TopologyBatch) -> None:
        self.nodes += [change.node.id for change in batch.changes if isinstance(change, NodeChange)]


async def test_follower_sees_every_change_in_order_over_a_killed_server(
    server: PrivateServer, bus: Bus, tmp_path: Path
) -> None:
    other = await Bus.connect(settings_for(server), name="analyzer", wait=10)
    agent, mirror = Agent(bus, tmp_path), Mirror()
    follower = TopologyFollower(other, mirror.on_snapshot, mirror.on_batch)
    for _ in range(10):
        agent.add()
    async with running(agent.publisher.run, follower.run):
        for number in range(200):
            agent.add()
            if number == 100:
                await kill_and_restart(server)
            await asyncio.sleep(0)
        await wait_until(lambda: len(mirror.nodes) >= 210)
    await other.close()

    assert mirror.nodes == [node.id for node in agent.nodes]
    assert follower.hosts == {"h": True}


async def test_follower_asks_anew_when_the_agent_restarts(bus: Bus, tmp_path: Path) -> None:
    mirror = Mirror()
    follower = TopologyFollower(bus, mirror.on_snapshot, mirror.on_batch)
    async with running(follower.run):
        first = Agent(bus, tmp_path)
        async with running(first.publisher.run):
            first.add()
            await wait_until(lambda: mirror.nodes == ["n0"])
        second = Agent(bus, tmp_path)
        second.add()
        second.add()
        async with running(second.publisher.run):
            await wait_until(lambda: mirror.nodes == ["n0", "n1"])

    assert mirror.snapshots == 2


async def test_log_goes_on_after_a_position(bus: Bus, tmp_path: Path) -> None:
    agent = Agent(bus, tmp_path)
    log = TopologyLog(bus, within=0.05)
    async with running(agent.publisher.run):
        agent.add()
        agent.add()
        await agent.publisher.drained()
        first = await anext(log.batches(0))
        agent.add()
        second = await anext(log.batches(first.position))

    assert [batch.sequence for batch in first.batches][:2] == [1, 2]
    assert second.batches[0].sequence == first.batches[-1].sequence + 1


async def test_what_an_agent_says_of_another_host_reaches_neither_history_nor_graph(bus: Bus, tmp_path: Path) -> None:
    agent, liar = Agent(bus, tmp_path / "h"), Agent(bus, tmp_path / "liar", "liar")
    liar.nodes = [node(7)]
    jetstream = await bus.ensure_reports("topology")
    forged = TopologyBatch("h", "e", 1, 1, [NodeChange("deleted", node(0))])
    await jetstream.publish("netsonde.topology.liar", encode_batch(forged))
    async with running(agent.publisher.run, liar.publisher.run):
        agent.add()
        await agent.publisher.drained()
        with pytest.raises(SourceLost, match=r"liar speaks of n7 for agent\.h"):
            await fetch_snapshot(bus, "liar")
        found = await anext(TopologyLog(bus, within=0.05).batches(0))

    assert "deleted" not in [change.kind for batch in found.batches for change in batch.changes]
    assert bus.health.counters["topology_refused"] == 1


async def test_lease_is_held_by_one_and_passes_on(bus: Bus) -> None:
    holding: list[str] = []

    def worker(name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        async def work() -> None:
            holding.append(name)
            try:
                await asyncio.Event().wait()
            finally:
                holding.remove(name)

        lease = Lease(bus, "job", name, ttl_s=1)
        return lambda: lease.run(work)

    async with running(worker("b")):
        await wait_until(lambda: holding == ["b"])
        async with running(worker("a")):
            await asyncio.sleep(1.5)
            assert holding == ["b"]
    async with running(worker("a")):
        await wait_until(lambda: holding == ["a"])


async def test_of_two_analyzers_on_one_host_one_holds_a_lease(bus: Bus, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (Lease(bus, "job", holder_of("h", tmp_path / name), ttl_s=3) for name in ("a", "b"))
    bucket = await bus.bucket(LEASES, codec=LeaseEntry)

    async def work() -> None:
        await asyncio.Event().wait()

    async with running(lambda: first.run(work)):
        await wait_until(lambda: first.held)
        async with running(lambda: second.run(work)):
            # Meanwhile the second one has tried as often.
            async with aclosing(bucket.watch()) as entries:
                refreshed = [entry.revision async for entry in first_of(entries, 7) if entry.kind == "put"]
            assert len(refreshed) == 6
            assert (first.held, second.held) == (True, False)


async def first_of(entries: AsyncIterator[Any], count: int) -> AsyncIterator[Any]:
    for _ in range(count):
        yield await anext(entries)


async def test_lease_expires_when_its_holder_dies(bus: Bus) -> None:
    bucket = await bus.bucket(LEASES, codec=LeaseEntry)
    await bucket.create("job", LeaseEntry("dead"), ttl_s=1)
    held = asyncio.Event()

    async def work() -> None:
        held.set()
        await asyncio.Event().wait()

    async with running(lambda: Lease(bus, "job", "alive", ttl_s=1).run(work)):
        async with asyncio.timeout(20):
            await held.wait()


async def test_calls_fail_soon_when_the_bus_is_away(server: PrivateServer, bus: Bus) -> None:
    bucket = await bus.bucket("captures", codec=Capture)
    await server.stop()
    await wait_until(lambda: not bus.connected)

    with pytest.raises(SourceLost, match="the bus is away"):
        await bucket.get("a")
    with pytest.raises((SourceLost, UserError)):
        [item async for item in bus.call("h", "x", b"", timeout=0.5)]
