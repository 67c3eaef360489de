# SPDX-License-Identifier: Apache-2.0
"""What receivers get: signed webhooks, Alertmanager's form, programs with limits; and who is never told anything."""

import asyncio
import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from netsonde.errors import SourceLost, UserError
from netsonde.model.notices import Message, Notice
from netsonde.notify.actions import Action, action_of
from netsonde.notify.building import senders
from netsonde.notify.senders.alertmanager import alert_of
from netsonde.notify.senders.script import Programs
from netsonde.notify.settings import NotifySettings
from netsonde.notify.targets import TargetPolicy
from unit.notify.receiver import Receiver, receiving

MESSAGE = Message("u1", "2026-01-01T00:00:00.000Z", [1], name="down", state="firing", starts_at=1_000_000)
NOTICE = Notice("u1.1.0", "http://x", MESSAGE, 1)
HERE = NotifySettings(secret="s3cret", allow=("127.0.0.0/8",), timeout=10.0)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("https://example.org/hook?x=1", Action("webhook", "https://example.org/hook?x=1")),
        ("http://10.0.0.1:9000", Action("webhook", "http://10.0.0.1:9000")),
        ("alertmanager+http://am:9093", Action("alertmanager", "http://am:9093")),
        ("file:///opt/scripts/page.sh", Action("script", "/opt/scripts/page.sh")),
        ("workflow:CheckMTU", Action("workflow", "CheckMTU")),
    ],
)
def test_actions_are_read_as_the_reference_spells_them(text: str, action: Action) -> None:
    assert action_of(text) == action


@pytest.mark.parametrize(
    "text",
    [
        *("", "ftp://x", "http://", "http://a b/", "http://[::1", "http://x:99999/", "http://me:secret@x/"),
        *("http://a..b/", f"http://{'a' * 64}.example/", "workflow: "),
    ],
)
def test_an_action_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        action_of(text)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "::1",
        "localhost",
        "x.localhost.",
        "169.254.169.254",
        "fe80::1%eth0",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
        "::127.0.0.1",
        "64:ff9b:1::7f00:1",
        "fd00:ec2::254",
        "64:ff9b::6464:64c8",
    ],
)
def test_addresses_that_trust_this_machine_are_refused(host: str) -> None:
    with pytest.raises(UserError, match="no notice may be sent to"):
        TargetPolicy(()).check(host)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "192.168.1.1", "8.8.8.8", "fd00::1", "2001:4860::1", "64:ff9b::808:808", "example.org"]
)
def test_other_addresses_and_names_are_not(host: str) -> None:
    TargetPolicy(()).check(host)


def test_an_administrator_can_allow_an_address() -> None:
    TargetPolicy(("127.0.0.1/32",)).check("127.0.0.1")
    with pytest.raises(UserError):
        TargetPolicy(("127.0.0.1/32",)).check("127.0.0.2")


async def test_a_name_is_judged_by_its_address_when_it_is_called(receiver: Receiver) -> None:
    # The name is not known for what it is when the alert is created.
    port = receiver.url.rpartition(":")[2]
    webhooks = senders(NotifySettings())["webhook"]
    with pytest.raises(UserError, match="no notice may be sent to"):
        await webhooks.send(f"http://localhost:{port}/", NOTICE)
    assert receiver.got == []


async def test_a_name_may_be_written_in_any_script(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(policy: TargetPolicy, host: str, port: int) -> str:
        return "127.0.0.1"

    monkeypatch.setattr(TargetPolicy, "resolve", resolve)
    port = receiver.url.rpartition(":")[2]
    await senders(HERE)["webhook"].send(f"http://münchen.example:{port}/ü", NOTICE)
    [(target, headers, _)] = receiver.got
    assert (target, headers["host"]) == ("/%C3%BC", f"xn--mnchen-3ya.example:{port}")


async def test_a_webhook_is_signed_with_its_time(receiver: Receiver) -> None:
    await senders(HERE)["webhook"].send(f"{receiver.url}/hook?a=b", NOTICE)
    ((target, headers, body),) = receiver.got
    assert target == "/hook?a=b"
    assert json.loads(body) | {"UUID": "u1", "ReasonData": [1], "State": "firing"} == json.loads(body)
    time, _, digest = headers["x-netsonde-signature"].removeprefix("t=").partition(",v1=")
    assert digest == hmac.new(b"s3cret", f"{time}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["x-netsonde-delivery"] == "u1.1.0"
    assert (headers["content-type"], headers["host"]) == ("application/json", receiver.url.removeprefix("http://"))


@pytest.mark.parametrize(
    ("status", "error"),
    [(302, UserError), (404, UserError), (408, SourceLost), (429, SourceLost), (500, SourceLost), (503, SourceLost)],
)
async def test_an_answer_says_whether_to_try_again(receiver: Receiver, status: int, error: type[Exception]) -> None:
    receiver.statuses = [status]
    with pytest.raises(error, match=str(status)):
        await senders(HERE)["webhook"].send(receiver.url, NOTICE)
    assert len(receiver.got) == 1


async def test_a_receiver_that_does_not_answer_is_tried_again(receiver: Receiver) -> None:
    receiver.silent = True
    with pytest.raises(SourceLost, match="no answer within"):
        await senders(NotifySettings(allow=("127.0.0.0/8",), timeout=0.05))["webhook"].send(receiver.url, NOTICE)


async def test_an_alertmanager_gets_a_list_at_its_path(receiver: Receiver) -> None:
    await senders(HERE)["alertmanager"].send(f"{receiver.url}/", NOTICE)
    ((target, _, body),) = receiver.got
    (alert,) = json.loads(body)
    assert target == "/api/v2/alerts"
    assert alert["labels"] == {"alertname": "down", "uuid": "u1"}
    assert alert["startsAt"] == "1970-01-01T00:16:40.000Z"


def test_what_fires_ends_by_itself_and_what_is_resolved_at_its_time() -> None:
    assert alert_of(MESSAGE, 2_000_000)["endsAt"] == "1970-01-01T00:33:20.000Z"
    over = Message("u1", "", [], state="resolved", starts_at=1_000_000, ends_at=1_500_000, severity="critical")
    assert alert_of(over, 2_000_000)["endsAt"] == "1970-01-01T00:25:00.000Z"
    assert alert_of(over, 2_000_000)["labels"] == {"alertname": "u1", "uuid": "u1", "severity": "critical"}


Make = Callable[[str], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scripts"
    made.mkdir(mode=0o755)
    # Programs run as nobody, who must be able to come here.
    for parent in [one for one in (tmp_path, *tmp_path.parents) if one.name.startswith(("pytest", "popen", "test"))]:
        parent.chmod(parent.stat().st_mode | 0o055)
    return made


@pytest.fixture
def make(folder: Path) -> Make:
    def write(text: str) -> Path:
        path = folder / "run.sh"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write


def programs(folder: Path | None, **changes: float) -> Programs:
    return Programs(NotifySettings(scripts=folder, **changes))  # type: ignore[arg-type]


async def test_a_program_gets_the_message_and_little_else(
    folder: Path, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o777)
    path = make(f'cat > {out}/stdin; echo "$#:$HOME:$(id -u)" > {out}/facts')
    monkeypatch.setenv("HOME", "/nowhere")
    await programs(folder).send(str(path), NOTICE)
    assert json.loads((out / "stdin").read_text())["UUID"] == "u1"
    user = "65534" if os.geteuid() == 0 else str(os.geteuid())
    assert (out / "facts").read_text() == f"0::{user}\n"


async def test_a_program_that_does_not_end_is_stopped_with_its_children(
    folder: Path, make: Make, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o666)
    path = make(f"exec 3<>{pipe}; echo both >&3; sleep 100 & wait")
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    async with asyncio.timeout(20):
        with pytest.raises(UserError, match="stopped after"):
            await programs(folder, script_seconds=1.0).send(str(path), NOTICE)
        os.set_blocking(end, True)
        # It ends when nobody holds the other end any more: neither the program nor its child.
        assert [await asyncio.to_thread(os.read, end, 100) for _ in range(2)] == [b"both\n", b""]
    os.close(end)


async def test_a_program_that_is_stopped_is_not_waited_for_because_of_a_child_that_ran_away(
    folder: Path, make: Make
) -> None:
    path = make("setsid sleep 20 & exec sleep 100")
    async with asyncio.timeout(10):
        with pytest.raises(UserError, match="stopped after"):
            await programs(folder, script_seconds=1.0).send(str(path), NOTICE)


async def test_a_program_may_print_before_it_reads_a_long_message(folder: Path, make: Make) -> None:
    long = msgspec.structs.replace(NOTICE, message=msgspec.structs.replace(MESSAGE, name="down" * 100_000))
    path = make("head -c 400000 /dev/zero; test $(wc -c) -gt 400000 && exit 5")
    with pytest.raises(UserError, match="ended with 5"):
        await programs(folder, script_seconds=1.5).send(str(path), long)


async def test_a_program_that_takes_too_much_memory_fails(folder: Path, make: Make) -> None:
    path = make("read line; head -c 100000000 /dev/zero | tail -c 90000000 > /dev/null || exit 7; exit 0")
    with pytest.raises(UserError, match="ended with 7"):
        await programs(folder, script_memory=20_000_000).send(str(path), NOTICE)


async def test_a_program_that_fails_says_what_it_printed(folder: Path, make: Make) -> None:
    path = make("yes oops | head -c 1000000; exit 3")
    with pytest.raises(UserError, match=r"ended with 3: \w+\noops"):
        await programs(folder).send(str(path), NOTICE)


def test_no_program_may_be_started_unless_a_folder_is_named(make: Make) -> None:
    with pytest.raises(UserError, match="cannot be started here"):
        programs(None).check(str(make("true")))


def test_programs_elsewhere_are_refused(folder: Path, make: Make) -> None:
    path = make("true")
    link = folder / "link"
    link.symlink_to("/bin/sh")
    checked = programs(folder)
    for target in ("/bin/sh", str(link), f"{folder}/../../bin/sh", f"{folder}/absent", "run.sh\0", str(folder)):
        with pytest.raises(UserError):
            checked.check(target)
    checked.check(str(path))


def test_a_program_that_others_can_change_is_refused(folder: Path, make: Make) -> None:
    path = make("true")
    path.chmod(0o777)
    with pytest.raises(UserError, match="changed by others"):
        programs(folder).check(str(path))
    path.chmod(0o644)
    with pytest.raises(UserError, match="cannot be executed"):
        programs(folder).check(str(path))
    path.chmod(0o755)
    folder.chmod(0o777)
    with pytest.raises(UserError, match="changed by others"):
        programs(folder).check(str(path))


def test_a_workflow_without_workflows_is_refused() -> None:
    with pytest.raises(UserError, match="workflows cannot be called"):
        senders(NotifySettings())["workflow"].check("CheckMTU")
