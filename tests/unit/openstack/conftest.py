# SPDX-License-Identifier: Apache-2.0
"""A cloud of each test's own, as a real one answered."""

from collections.abc import Iterator

import pytest

import netsonde.openstack.login  # noqa: F401  loads OpenStack's client now, so that no test has to wait for that
from netsonde.model.openstack import CloudRecord
from recorded_cloud import RecordedCloud, recorded_cloud
from unit.captures.fakes import FakeStore


@pytest.fixture
def cloud() -> Iterator[RecordedCloud]:
    with recorded_cloud() as cloud:
        yield cloud


@pytest.fixture
def store() -> FakeStore[CloudRecord]:
    return FakeStore()
