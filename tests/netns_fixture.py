# SPDX-License-Identifier: Apache-2.0
"""A network namespace of their own for the tests of a module: imported there, it is used by each of them."""

from collections.abc import Iterator

import pytest

from live_graph import private_netns


@pytest.fixture(autouse=True)
def netns() -> Iterator[None]:
    """One for each test."""
    with private_netns():
        yield


@pytest.fixture(name="netns", scope="module", autouse=True)
def netns_of_module() -> Iterator[None]:
    """One for all tests of a module."""
    with private_netns():
        yield
