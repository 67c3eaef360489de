# SPDX-License-Identifier: Apache-2.0
"""What follows from a check's verdict."""

import msgspec
import pytest

from netsonde.analyzer.verdicts import VerdictNotices, notices_of
from netsonde.errors import SourceLost
from netsonde.model.checks import Check, CheckResult
from netsonde.model.notices import Notice
from netsonde.notify.outbox import Outbox
from netsonde.notify.senders.alertmanager import alert_of
from netsonde.notify.settings import NotifySettings
from netsonde.observe import Health
from unit.captures.fakes import FakeLease, FakeStore

CHECK = Check("c1", "vms", actions=["http://a", "http://b", "http://a"])
RESULT = CheckResult(
    *("c1", "vms", "n1", "t1", "tap1", "h1", "cap1"),
    started_at=1000,
    run_at=500,
    ended_at=2000,
    verdict="fail",
    sentence="no lease",
)


def test_each_receiver_gets_the_result_under_an_id_of_its_own() -> None:
    notices = notices_of(CHECK, RESULT)
    assert [(one.id, one.action) for one in notices] == [
        ("c1.n1.1000.500.0", "http://a"),
        ("c1.n1.1000.500.1", "http://b"),
    ]
    message = notices[0].message
    assert (message.kind, message.state, message.summary) == ("check", "fail", "no lease")
    assert isinstance(message.reason_data, dict)
    assert message.reason_data["NodeName"] == "tap1"


def test_alertmanager_is_told_when_an_interface_passes_again() -> None:
    failed, passed = (
        alert_of(notices_of(CHECK, msgspec.structs.replace(RESULT, verdict=verdict))[0].message, 9_000)
        for verdict in ("fail", "pass")
    )
    assert failed["labels"] == passed["labels"]
    assert "endsAt" not in failed
    assert passed["endsAt"] == "1970-01-01T00:00:02.000Z"


async def test_only_wanted_verdicts_are_told_and_each_once() -> None:
    store: FakeStore[Notice] = FakeStore()
    verdicts = VerdictNotices(
        Outbox(store, {}, lease=FakeLease(), settings=NotifySettings(), counters=Health("notices"))
    )
    await verdicts.follow(CHECK, msgspec.structs.replace(RESULT, verdict="pass"))
    store.away = True
    with pytest.raises(SourceLost):
        await verdicts.follow(CHECK, RESULT)
    store.away = False
    for _ in range(2):
        await verdicts.follow(CHECK, RESULT)
    assert [one.message.state for one, _ in store.entries.values()] == ["fail", "fail"]
