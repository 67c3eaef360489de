# SPDX-License-Identifier: Apache-2.0
"""Check that every probe is complete: what it says of itself, its settings, tests and documentation.

For each line of `probes/_registry.py`: docstring headings Source, Writes, Needs; every setting documented; a test with
recorded or made-up input; a test against the real thing; its section in docs/reference/topology.md; no import of
another probe. Prints one line for each mistake; exits 1 when there is one.
"""

import ast
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

from netsonde.config import describe
from netsonde.probes._registry import PROBES
from netsonde.probes.settings import ProbeSettings

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "netsonde.probes"
HEADINGS = ("Source:", "Writes:", "Needs:")
NO_LIVE_TEST = {"host": "its facts are files, and the tests of all other probes run on its node"}


def files_of(name: str, root: Path = ROOT) -> list[Path]:
    """Return the modules of a probe: a file of its name, or all of a folder, the main one first."""
    probes = root / "src" / "netsonde" / "probes"
    if (probes / f"{name}.py").exists():
        return [probes / f"{name}.py"]
    folder = probes / name
    main = folder / "probe.py"
    return [main, *(file for file in sorted(folder.rglob("*.py")) if file != main)]


def docstring_problems(name: str, source: str) -> Iterator[str]:
    """Yield the headings that the main module's docstring lacks."""
    text = ast.get_docstring(ast.parse(source)) or ""
    for heading in HEADINGS:
        if not any(line.startswith(heading) for line in text.splitlines()):
            yield f"{name}: the docstring of its main module has no line `{heading}`"


def import_problems(name: str, file: str, source: str, probes: list[str]) -> Iterator[str]:
    """Yield imports of other probes: what probes share comes in their context."""
    others = tuple(f"{PACKAGE}.{other}" for other in probes if other != name)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
        elif isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        else:
            continue
        for module in imported:
            if any(module == other or module.startswith(f"{other}.") for other in others):
                yield f"{name}: {file}:{node.lineno} imports another probe, {module}"


def setting_problems(name: str) -> Iterator[str]:
    """Yield settings of a probe that have no docstring."""
    section = get_type_hints(ProbeSettings).get(name)
    if isinstance(section, type) and dataclasses.is_dataclass(section):
        for setting in describe(section):
            if not setting.text:
                yield f"{name}: setting probes.{name}.{setting.path} has no docstring"


def missing_tests(name: str, root: Path = ROOT) -> Iterator[str]:
    """Yield the tests that are missing."""
    unit = root / "tests" / "unit" / "probes"
    if not (unit / f"test_{name}.py").exists() and not any((unit / name).glob("test_*.py")):
        yield f"{name}: no test without root; write tests/unit/probes/{name}/test_….py with recorded input"
    live = [root / "tests" / kind / f"test_{name}_probe.py" for kind in ("netns", "system")]
    if name not in NO_LIVE_TEST and not any(file.exists() for file in live):
        yield f"{name}: no test against the real thing; write {' or '.join(str(f.relative_to(root)) for f in live)}"


def document_problems(name: str, page: str) -> Iterator[str]:
    if f"(probe `{name}`)" not in page:
        yield f"{name}: docs/reference/topology.md has no section headed `… (probe `{name}`)`"


def problems() -> Iterator[str]:
    """Yield everything that is wrong with any probe."""
    names = list(PROBES)
    page = (ROOT / "docs" / "reference" / "topology.md").read_text(encoding="utf-8")
    for name in names:
        files = files_of(name)
        if not files[0].exists():
            yield f"{name}: neither src/netsonde/probes/{name}.py nor {name}/probe.py exists"
            continue
        yield from docstring_problems(name, files[0].read_text(encoding="utf-8"))
        for file in files:
            yield from import_problems(name, str(file.relative_to(ROOT)), file.read_text(encoding="utf-8"), names)
        yield from setting_problems(name)
        yield from missing_tests(name)
        yield from document_problems(name, page)


def main() -> int:
    found = list(problems())
    for problem in found:
        print(problem, file=sys.stderr)
    if not found:
        print(f"{len(PROBES)} probes are complete: {', '.join(PROBES)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
