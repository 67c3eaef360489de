# SPDX-License-Identifier: Apache-2.0
"""The checks of a server, for the blocking client."""

from typing import Unpack

from netsonde.client import check_calls as calls
from netsonde.client.calls import Captured
from netsonde.client.check_calls import CheckFeed, CheckFields, CheckUpdate
from netsonde.client.live import Subscription, first
from netsonde.client.naming import is_uuid
from netsonde.client.sender import Sender
from netsonde.model.checks import CheckChange, CheckResult, CheckStep, CheckView, Verdict


class ClientChecks:
    """The checks of a server. Each is called by its name, its UUID, or the beginning of that."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def all(self) -> list[CheckView]:
        return self._client.send(calls.checks())

    def get(self, check: str) -> CheckView:
        if is_uuid(check):
            return self._client.send(calls.check(check))
        return calls.named_check(check, self.all())

    def create(self, gremlin: Captured, *steps: CheckStep, ttl: str = "", **fields: Unpack[CheckFields]) -> CheckView:
        """Create a check of `check_calls.step`s; it judges interfaces as they appear, and those that are there."""
        return self._client.send(calls.create_check(gremlin, steps, fields, ttl))

    def update(self, check: str, **fields: Unpack[CheckUpdate]) -> CheckView:
        """Change a check; what is not named stays. Unless only the description changes, all is judged anew."""
        return self._client.send(calls.patch_check(self.get(check).uuid, fields))

    def delete(self, check: str) -> None:
        """Delete a check, its captures and its results."""
        self._client.send(calls.delete_check(self.get(check).uuid))

    def run(self, check: str) -> CheckView:
        """Judge the interfaces that are there anew, by what they send from now on."""
        return self._client.send(calls.run_check(self.get(check).uuid))

    def results(
        self, check: str, *, node: str = "", verdict: Verdict | None = None, limit: int = 1000
    ) -> list[CheckResult]:
        """Return what a check found, the newest first; of one node (id), or with one verdict."""
        uuid = self.get(check).uuid
        return self._client.send(calls.check_results(uuid, node=node, verdict=verdict, limit=limit))

    def wait(self, check: str, *, interfaces: int = 1, timeout: float = 60.0) -> list[CheckResult]:
        """Wait until every matching interface, and at least so many, has its verdict; returns them by name.

        Raises TimeoutError, and NotFound when the check is deleted.
        """
        uuid = self.get(check).uuid

        def look(change: CheckChange) -> list[CheckResult] | None:
            return self._settled(uuid, interfaces) if calls.may_be_settled(change, uuid) else None

        changes = self.watch(reconnect=False)
        found = first(changes, lambda: self._settled(uuid, interfaces), look, timeout)
        if found is None:
            raise TimeoutError(f"the check {check} has no verdict after {timeout:g} s")
        return found

    def watch(self, *, reconnect: bool = True) -> Subscription[CheckChange]:
        """Follow checks and results; what happens while the server is away is not told. Use it in a with block."""
        return self._client.live(CheckFeed(), reconnect=reconnect)

    def _settled(self, uuid: str, interfaces: int) -> list[CheckResult] | None:
        view = self.get(uuid)
        results = self._client.send(calls.check_results(view.uuid, node="", verdict=None, limit=100_000))
        return calls.settled(view, results, interfaces)
