# SPDX-License-Identifier: Apache-2.0
"""Limits on what users may state about the topology."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeclaredSettings:
    """How much of the topology users may state themselves."""

    max_elements: int = 500_000
    """Nodes and edges, created and imported together; what is beyond is refused. Each costs about 2 KiB of memory in
    every analyzer."""
    max_single: int = 20_000
    """Elements created one by one, and annotations: each is an entry of its own on the bus, so many of them are
    better imported."""
    max_element_bytes: int = 65536
    """Bytes of one element or annotation as JSON."""

    max_rules: int = 1000
    """Node rules, and as many edge rules. Each is judged at every change that it may be about."""

    def __post_init__(self) -> None:
        for name in ("max_elements", "max_single", "max_element_bytes", "max_rules"):
            if getattr(self, name) < 0:
                raise ValueError(f"declared.{name} must not be negative")
