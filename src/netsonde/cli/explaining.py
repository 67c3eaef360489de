# SPDX-License-Identifier: Apache-2.0
"""How a query runs: each step with its index, rows and time."""

from netsonde.cli.asking import Shape, Source
from netsonde.cli.options import Form
from netsonde.cli.output import Column, say, show
from netsonde.client.answers import ExplainedStep, Explanation
from netsonde.errors import Span, UserError


def show_explanation(source: Source, text: str, output: Shape) -> None:
    """Run a query within its limits and show what it cost."""
    if output not in (Shape.TABLE, Shape.JSON, Shape.YAML, Shape.CSV):
        raise UserError(f"an explanation has no form {output.value}", hint="use table, json, yaml or csv")
    found = source.explain(text, profile=True)
    form = Form(output.value)
    if form in (Form.JSON, Form.YAML):
        show(found, form, (), ())
        return
    show(found, form, _COLUMNS, found.steps)
    for line in _remarks(found, text):
        say(line)


def _remarks(found: Explanation, text: str) -> list[str]:
    lines = [f"reads {kind}: {', '.join(keys)}" for kind, keys in found.reads.items() if keys]
    if found.rows is not None and found.milliseconds is not None:
        lines.append(f"{found.rows} {found.gives} in {found.milliseconds:.1f} ms")
    if found.reason:
        span = Span(*found.span) if found.span else None
        reason = UserError(found.reason, hint=found.hint, span=span, text=text)
        lines.append(reason.explain().removeprefix("error: "))
    return lines


def _time(step: ExplainedStep) -> str:
    return "" if step.milliseconds is None else f"{step.milliseconds:.2f}"


_COLUMNS: tuple[Column, ...] = (
    ("STEP", lambda step: step.step),
    ("TAKES", lambda step: step.takes),
    ("GIVES", lambda step: step.gives),
    ("INDEX", lambda step: step.index),
    ("ROWS", lambda step: step.rows),
    ("MS", _time),
)
