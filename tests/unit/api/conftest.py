# SPDX-License-Identifier: Apache-2.0
"""A client of the application over fake services."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from litestar import Litestar
from litestar.testing import TestClient

from netsonde.api.app import create_app
from unit.api.fakes import Fakes

Client = TestClient[Litestar]

# Time is not what these tests are about, and a busy machine is not a failure.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def fakes() -> Fakes:
    return Fakes.new()


@pytest.fixture
def client(fakes: Fakes) -> Iterator[Any]:
    with TestClient(create_app(fakes.services()), base_url="http://127.0.0.1:8082") as client:
        yield client
