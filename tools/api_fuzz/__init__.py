# SPDX-License-Identifier: Apache-2.0
"""Our OpenAPI document against our server, by schemathesis as `tools/foreign` installed it.

An answer 5xx that is not described, any code, Content-Type or JSON that the document does not describe, and a method
that is not served but answered are failures. Whether values are accepted is not judged: a query that is a text by its
schema may be wrong all the same.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foreign.programs import HERE, PYTHON
from system.stack import Stack

LIMITS = {"NETSONDE_INJECT_TARGETS": "10.98.7.0/24,192.0.2.0/24"}
"""What is made up must not be sent to anybody."""
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "missing_required_header",
)


def fuzz(stack: Stack, seconds: int, seed: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run schemathesis for some seconds; what it found is in the output, and exit status 0 means nothing."""
    command = [str(PYTHON.with_name("st")), "run", f"{stack.url}/api/openapi.json", "--no-color"]
    command += ["--max-time", str(seconds), "--seed", str(seed), "--checks", ",".join(_CHECKS), "--warnings", "off"]
    command += ["--continue-on-failure", "--no-shrink", "--generation-database", "none", "--request-timeout", "30"]
    # SourceLost and the like are described; what has no description is found by its code.
    settings = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)}
    return subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, text=True, check=False, timeout=seconds + 120
    )


@contextmanager
def served(folder: Path) -> Iterator[Stack]:
    """Start an all-in-one that injects nowhere."""
    stack = Stack(folder / "state", env=LIMITS).start(60)
    try:
        yield stack
    finally:
        stack.stop()
