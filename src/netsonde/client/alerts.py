# SPDX-License-Identifier: Apache-2.0
"""The alerts of a server, for the blocking client."""

from typing import Unpack

from netsonde.client import alert_calls as calls
from netsonde.client.alert_calls import AlertFeed, AlertFields, AlertUpdate
from netsonde.client.live import Subscription, first
from netsonde.client.naming import is_uuid
from netsonde.client.sender import Sender
from netsonde.model.alerts import AlertChange, AlertView, Rehearsal, State, Transition


class ClientAlerts:
    """The alerts of a server. Each is called by its name, its UUID, or the beginning of that."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def all(self) -> list[AlertView]:
        return self._client.send(calls.alerts())

    def get(self, alert: str) -> AlertView:
        if is_uuid(alert):
            return self._client.send(calls.alert(alert))
        return calls.named_alert(alert, self.all())

    def create(self, expression: str, *, ttl: str = "", **fields: Unpack[AlertFields]) -> AlertView:
        """Create an alert; its expression and receivers are checked first. After `ttl` it deletes itself."""
        return self._client.send(calls.create_alert({"Expression": expression, **calls.wire_fields(fields)}, ttl))

    def update(self, alert: str, **fields: Unpack[AlertUpdate]) -> AlertView:
        """Change an alert; what is not named stays as it is."""
        return self._client.send(calls.patch_alert(self.get(alert).uuid, calls.wire_fields(fields)))

    def delete(self, alert: str) -> None:
        """Delete an alert and its history."""
        self._client.send(calls.delete_alert(self.get(alert).uuid))

    def history(self, alert: str, *, limit: int = 100) -> list[Transition]:
        """Return the states that an alert went through, the newest first."""
        return self._client.send(calls.alert_history(self.get(alert).uuid, limit))

    def rehearse(
        self, expression: str, *, start: int = 0, end: int = 0, step: int = 0, **fields: Unpack[AlertFields]
    ) -> Rehearsal:
        """Say what an alert would have done in the past; nothing is stored, nobody is told.

        Times are Unix ms, `step` is the ms between two looks; 0 = the server's choice.
        """
        body = {"Expression": expression, **calls.wire_fields(fields)}
        return self._client.send(calls.rehearse_alert(body, start, end, step))

    def wait(self, alert: str, *states: State, timeout: float = 60.0) -> AlertView:
        """Wait until an alert is in one of the states, `firing` when none is named; returns it as it is then.

        Raises TimeoutError; NotFound when it is deleted, NoServer when the server goes away.
        """
        look = calls.waiter(self.get(alert).uuid, states or ("firing",))
        found = first(self.watch(reconnect=False), lambda: look(self.get(alert)), look, timeout)
        if found is None:
            raise TimeoutError(f"the alert {alert} is not {' or '.join(states or ('firing',))} after {timeout:g} s")
        return found

    def watch(self, *, reconnect: bool = True) -> Subscription[AlertChange]:
        """Follow alerts as they are created, change, go, and go on to other states. Use it in a with block."""
        return self._client.live(AlertFeed(), reconnect=reconnect)
