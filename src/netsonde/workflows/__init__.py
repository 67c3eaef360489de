# SPDX-License-Identifier: Apache-2.0
"""Workflows: scripts that users keep, call, and have called."""
