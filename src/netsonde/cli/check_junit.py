# SPDX-License-Identifier: Apache-2.0
"""Results of a check as JUnit XML, which CI servers show: a test case for each interface and step."""

from collections.abc import Sequence
from xml.etree import ElementTree

from netsonde.model.checks import CheckResult, StepResult


def junit(name: str, results: Sequence[CheckResult], missing: str = "") -> bytes:
    """Return the report; `fail` is a failure, `unknown` and `waiting` are errors: neither is a success.

    `missing` says which verdicts did not come, "" = all did; it is an error too, since servers read nothing else.
    """
    cases = [(result, step) for result in results for step in result.steps]
    suite = ElementTree.Element(
        "testsuite",
        name=_text(name),
        tests=str(len(cases) + bool(missing)),
        failures=str(sum(step.verdict == "fail" for _, step in cases)),
        errors=str(sum(step.verdict in ("unknown", "waiting") for _, step in cases) + bool(missing)),
    )
    for result, step in cases:
        _case(suite, result, step)
    if missing:
        case = ElementTree.SubElement(suite, "testcase", classname=_text(name), name="verdicts", time="0.000")
        ElementTree.SubElement(case, "error", type="waiting", message=_text(missing))
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    encoded: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return encoded + b"\n"


def _case(suite: ElementTree.Element, result: CheckResult, step: StepResult) -> None:
    where = f"{result.host}.{result.node_name}" if result.host else result.node_name
    seconds = f"{(step.after_ms or 0) / 1000:.3f}"
    case = ElementTree.SubElement(suite, "testcase", classname=_text(where), name=step.type, time=seconds)
    if step.verdict != "pass":
        kind = "failure" if step.verdict == "fail" else "error"
        ElementTree.SubElement(case, kind, type=step.verdict, message=_text(step.sentence or step.verdict))


def _text(value: str) -> str:
    """Return text without what XML cannot hold; names come from the network."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in value)
