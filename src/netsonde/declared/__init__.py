# SPDX-License-Identifier: Apache-2.0
"""What users state about the topology, kept in buckets and applied to the merged graph by every analyzer."""

from netsonde.declared.elements import DeclaredElements
from netsonde.declared.settings import DeclaredSettings
from netsonde.declared.stores import Stores

__all__ = ["DeclaredElements", "DeclaredSettings", "Stores"]
