# SPDX-License-Identifier: Apache-2.0
"""The workflows that come with the program: `library/*.yaml`, in the form in which users write theirs."""

from functools import cache
from importlib import resources

import msgspec

from netsonde.model.workflows import Workflow


@cache
def bundled() -> tuple[Workflow, ...]:
    """Return them in the order of their names."""
    files = [
        file
        for file in resources.files("netsonde.workflows").joinpath("library").iterdir()
        if file.name.endswith(".yaml")
    ]
    found = [msgspec.yaml.decode(file.read_bytes(), type=Workflow) for file in files]
    return tuple(sorted(found, key=lambda workflow: workflow.name))
