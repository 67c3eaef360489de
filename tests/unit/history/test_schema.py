# SPDX-License-Identifier: Apache-2.0
"""Migrations as files."""

from netsonde.history.schema import migrations, statements


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [number for number, _, _ in migrations()] == list(range(1, len(migrations()) + 1))


def test_comments_are_left_out_and_statements_split() -> None:
    assert statements("-- a; comment\nSELECT 1;\nSELECT\n  2;\n") == ["SELECT 1", "SELECT\n  2"]
