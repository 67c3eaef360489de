# SPDX-License-Identifier: Apache-2.0
"""The senders of an analyzer, by kind."""

from collections.abc import Mapping

from netsonde.aio.clock import Clock
from netsonde.notify.actions import Kind
from netsonde.notify.senders._api import Sender, Workflows
from netsonde.notify.senders.alertmanager import Alertmanagers
from netsonde.notify.senders.http import Poster
from netsonde.notify.senders.script import Programs
from netsonde.notify.senders.webhook import Webhooks
from netsonde.notify.senders.workflow import WorkflowCalls
from netsonde.notify.settings import NotifySettings
from netsonde.notify.targets import TargetPolicy


def senders(
    settings: NotifySettings, *, workflows: Workflows | None = None, clock: Clock | None = None
) -> Mapping[Kind, Sender]:
    """Return what tells each kind of receiver."""
    poster = Poster(TargetPolicy(settings.allow), settings.timeout)
    now_ms = (clock or Clock()).now_ms
    return {
        "webhook": Webhooks(poster, settings.secret, now_ms),
        "alertmanager": Alertmanagers(poster, settings.resend, now_ms),
        "script": Programs(settings),
        "workflow": WorkflowCalls(workflows),
    }
