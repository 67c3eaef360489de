# SPDX-License-Identifier: Apache-2.0
"""One analyzer that runs, over buckets in memory."""

from collections.abc import AsyncIterator

import pytest_asyncio

from unit.declared.memory import AllStores, Analyzer, memory_stores, running


@pytest_asyncio.fixture
async def stores() -> AllStores:
    return memory_stores()


@pytest_asyncio.fixture
async def analyzer(stores: AllStores) -> AsyncIterator[Analyzer]:
    async with running(Analyzer(stores)) as one:
        yield one
