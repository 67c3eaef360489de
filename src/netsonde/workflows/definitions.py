# SPDX-License-Identifier: Apache-2.0
"""What a workflow may say, and how a call's parameters become the arguments of its script."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

import msgspec

from netsonde.errors import UserError
from netsonde.model.elements import Json
from netsonde.model.workflows import Parameter, Trigger, Workflow

_MOST_SOURCE: Final = 256 * 1024
_MOST_PARAMS: Final = 256 * 1024
"""Bytes of a call's parameters: they are stored with its job."""
_MOST_PARAMETERS: Final = 50
_MOST_TRIGGERS: Final = 20
_LONGEST_NAME: Final = 200
_SHORTEST_S: Final = 1.0
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
VERDICTS: Final = ("pass", "fail", "unknown")
EVENT: Final = "Event"
_FIELDS: Final = {"schedule": {"every"}, "check": {"check", "verdicts"}, "capture": {"capture"}}


def checked(workflow: Workflow, *, seconds: float, python: bool) -> None:
    """Raise UserError for what cannot be; the source is read by `Scripts.check`.

    `seconds` is the longest time of a call, `python` whether that language is allowed.
    """
    if not workflow.name.strip() or len(workflow.name) > _LONGEST_NAME:
        raise UserError("a workflow needs a Name", hint=f"at most {_LONGEST_NAME} characters")
    if not workflow.source.strip():
        raise UserError("a workflow needs a Source", hint="JavaScript: one function, such as function (node) { … }")
    if len(workflow.source) > _MOST_SOURCE:
        raise UserError(f"the Source has {len(workflow.source)} characters, {_MOST_SOURCE} are allowed")
    if workflow.language == "python" and not python:
        raise UserError(
            "workflows in Python are not allowed here",
            hint="an administrator can allow them with the setting workflow.python; JavaScript always works",
        )
    if not 0 <= workflow.timeout <= seconds:
        raise UserError(
            f"Timeout must be from 0 to {seconds:g} seconds, got {workflow.timeout:g}",
            hint="an administrator can raise the setting workflow.seconds",
        )
    _check_parameters(workflow.parameters)
    if len(workflow.triggers) > _MOST_TRIGGERS:
        raise UserError(f"a workflow may have {_MOST_TRIGGERS} triggers, this one has {len(workflow.triggers)}")
    for number, trigger in enumerate(workflow.triggers, 1):
        _check_trigger(workflow, trigger, f"trigger {number} ({trigger.type})")


def arguments_of(workflow: Workflow, params: Sequence[Json] | Mapping[str, Json]) -> list[Json]:
    """Return the arguments of a call, by position; `params` are by position too, or by name.

    Texts become what the parameter is, since forms and command lines send texts. Raises UserError.
    """
    if len(msgspec.json.encode(params)) > _MOST_PARAMS:
        raise UserError(
            f"the parameters have more than {_MOST_PARAMS} bytes", hint="pass names, and let the script ask"
        )
    if isinstance(params, Mapping):
        return _named(workflow, params)
    given = [*params]
    # More than there are parameters are passed on: a function may take any number.
    for position, parameter in enumerate(workflow.parameters):
        if position < len(given):
            given[position] = _typed(parameter, given[position])
        else:
            given.append(parameter.default)
    return given


def interval_of(every: str) -> float:
    """Return the seconds of a duration such as 5m or 1h30m; raises UserError."""
    parts = _PART.findall(every.strip())
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != every.strip() or seconds < _SHORTEST_S:
        raise UserError(
            f"Every must be a duration of at least 1s, got {every[:40]!r}", hint="write 30s, 5m, 1h30m or 1d"
        )
    return seconds


def _named(workflow: Workflow, params: Mapping[str, Json]) -> list[Json]:
    known = [parameter.name for parameter in workflow.parameters]
    for name in params:
        if name not in known:
            close = get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"its parameters: {', '.join(known) or 'none'}"
            raise UserError(f"the workflow {workflow.name!r} has no parameter {name[:80]!r}", hint=hint)
    return [
        _typed(parameter, params[parameter.name]) if parameter.name in params else parameter.default
        for parameter in workflow.parameters
    ]


def _typed(parameter: Parameter, value: Json) -> Json:
    if not isinstance(value, str):
        return value
    if parameter.type == "boolean" and value.lower() in ("true", "false", ""):
        return value.lower() == "true"
    if parameter.type == "integer" and value.strip():
        try:
            return int(value)
        except ValueError as bad:
            raise UserError(f"the parameter {parameter.name!r} is an integer, got {value[:80]!r}") from bad
    return value


def _check_parameters(parameters: Sequence[Parameter]) -> None:
    if len(parameters) > _MOST_PARAMETERS:
        raise UserError(f"a workflow may have {_MOST_PARAMETERS} parameters, this one has {len(parameters)}")
    names = [parameter.name for parameter in parameters]
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise UserError(f"parameter {number} needs a Name")
        if names.count(name) > 1:
            raise UserError(f"two parameters are called {name!r}")


def _check_trigger(workflow: Workflow, trigger: Trigger, where: str) -> None:
    of_others = {name for kind, names in _FIELDS.items() if kind != trigger.type for name in names}
    wrong = sorted(name for name in of_others if getattr(trigger, name))
    if wrong:
        raise UserError(f"{where}: {wrong[0].capitalize()} belongs to another kind of trigger")
    try:
        if trigger.type == "schedule":
            interval_of(trigger.every)
        if trigger.type == "capture" and not trigger.capture:
            # Workflows make captures themselves: one that is called by any would call itself for ever.
            raise UserError("Capture must name a capture, or be its UUID")
        unknown = [verdict for verdict in trigger.verdicts if verdict not in VERDICTS]
        if unknown:
            raise UserError(f"there is no verdict {unknown[0][:40]!r}", hint=f"known: {', '.join(VERDICTS)}")
        arguments_of(workflow, trigger.params)
    except UserError as bad:
        raise UserError(f"{where}: {bad.message}", hint=bad.hint) from bad
