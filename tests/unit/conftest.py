# SPDX-License-Identifier: Apache-2.0
"""`--bless` writes golden files anew; the difference is read before it is committed."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="write golden files instead of comparing with them")
