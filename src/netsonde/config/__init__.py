# SPDX-License-Identifier: Apache-2.0
"""Settings from a TOML file, the environment and flags into frozen dataclasses; knows no component."""

from netsonde.config.document import describe
from netsonde.config.loader import known_keys, load

__all__ = ["describe", "known_keys", "load"]
