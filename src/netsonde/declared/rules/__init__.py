# SPDX-License-Identifier: Apache-2.0
"""Rules of users: kept in buckets, judged on the merged graph by every analyzer alike, undone when they go."""

from netsonde.declared.rules.service import EdgeRules, NodeRules

__all__ = ["EdgeRules", "NodeRules"]
