# SPDX-License-Identifier: Apache-2.0
"""Hostile queries against a live analyzer, while a subscriber measures how late its events are."""
