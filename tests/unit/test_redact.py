# SPDX-License-Identifier: Apache-2.0
"""Secrets in texts, settings and logs."""

import pytest

from netsonde.analyzer.status import _plain, _shown
from netsonde.bus.settings import BusSettings
from netsonde.config import load
from netsonde.errors import UserError
from netsonde.observe.logs import _without_secrets
from netsonde.redact import redacted
from netsonde.settings import Settings

TOKEN = "nst_0123456789ab_" + "A" * 43


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("connected to nats://user:hunter2@10.0.0.1:4222", "connected to nats://user:***@10.0.0.1:4222"),
        ("https://hunter2:hunter2@host/db", "https://hunter2:***@host/db"),
        ("nats://hunter2@10.0.0.1", "nats://***@10.0.0.1"),
        (f"token {TOKEN} is over", "token nst_0123456789ab_*** is over"),
        ("Authorization: Bearer hunter2hunter2", "Authorization: Bearer ***"),
        ("/ws/subscriber?x-auth-token=hunter2&a=b", "/ws/subscriber?x-auth-token=***&a=b"),
        ("https://ch:hunter2@hunter2@host/db", "https://ch:***@host/db"),
        ("nats://a:hunter2@h1,nats://b:hunter2@h2", "nats://a:***@h1,nats://b:***@h2"),
        ("{'x-auth-token': 'hunter2', 'a': 'b'}", "{'x-auth-token': '***', 'a': 'b'}"),
        ('{"authtoken":"hunter2"}', '{"authtoken":"***"}'),
        ("X-Subject-Token: hunter2", "X-Subject-Token: ***"),
        ("see https://docs.example/a@b and a:b@c", "see https://docs.example/a@b and a:b@c"),
    ],
)
def test_what_is_recognised_as_a_secret_is_hidden(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_a_dump_of_the_settings_has_no_secret() -> None:
    settings = load(
        Settings,
        overrides={"bus.token": "hunter2", "bus.url": "nats://u:hunter2@h", "history.url": "https://u:hunter2@ch/x"},
    )
    assert "hunter2" not in str(_plain(settings))
    assert "users" not in _shown(settings.access)
    assert "keystone" in _shown(settings.access)
    assert "token_file" not in _shown(BusSettings())


def test_a_bad_secret_is_not_repeated_in_the_error() -> None:
    with pytest.raises(UserError) as wrong:
        load(Settings, file=None, overrides={"bus.token": ("hunter2",)})  # type: ignore[dict-item]
    assert "bus.token" in wrong.value.message
    assert "hunter2" not in wrong.value.message


def test_logs_hide_secrets_by_name_and_by_look() -> None:
    event = {"event": "x", "password": "hunter2", "key": "c1", "number": 1, "url": "nats://u:hunter2@h", "other": ["a"]}
    assert _without_secrets(None, "info", event) == {
        **event,
        "password": "***",
        "url": "nats://u:***@h",
        "other": "['a']",
    }
