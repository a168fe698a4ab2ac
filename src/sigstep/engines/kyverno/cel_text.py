"""Conditions as CEL, and back: what is missing is an error, which the policy's ``failurePolicy: Fail`` denies."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from sigstep.policy.conditions import Condition
from sigstep.policy.matcher import Matcher

_SCALAR: Final = "type({0}) in [string, bool, int, uint, double]"
_NUMBER: Final = "type({0}) in [int, uint, double]"
_LITERAL: Final = r'(?P<value>"(?:[^"\\]|\\.)*"|true|false|-?[0-9.eE+-]+|\[.*\])'


def condition_text(payload: str, condition: Condition) -> str | None:
    """One condition over the statement ``payload``; None where CEL cannot say it.

    Args:
        payload: the expression of the whole statement.
    """
    path, operator, value = condition.path, condition.operator, condition.value
    found = payload + "".join(f"[{_index(one)}]" for one in path)
    scalar, number = _SCALAR.format(found), _NUMBER.format(found)
    if operator == "exists":
        if path[-1].isdecimal():
            return None
        parent = payload + "".join(f"[{_index(one)}]" for one in path[:-1])
        there = f"{_text(path[-1])} in {parent}"
        return there if value else f"!({there})"
    if operator == "max-age":
        return None
    return {
        "equals": lambda: f"{found} == {_text(value)}",
        "not-equals": lambda: f"{scalar} && {found} != {_text(value)}",
        "in": lambda: f"{found} in {_text(list(value))}",
        "not-in": lambda: f"{scalar} && !({found} in {_text(list(value))})",
        "matches": lambda: f"{found}.matches({_text(f'^(?:{value.expression})$')})",
        "at-most": lambda: f"{number} && double({found}) <= {float(value)!r}",
        "at-least": lambda: f"{number} && double({found}) >= {float(value)!r}",
    }[operator]()


def read_condition(payload: str, text: str) -> Condition | None:
    """The condition that `condition_text` wrote; None where it wrote none."""
    for operator, form in _FORMS.items():
        found = re.fullmatch(form.replace("PAYLOAD", re.escape(payload)), text, re.DOTALL)
        if found is None:
            continue
        try:
            path, value = _path(found["path"]), _value(operator, found)
            made = Condition(path=(*path, json.loads(found["last"])) if operator == "exists" else path,
                             operator=operator, value=value)  # fmt: skip
        except ValueError:
            continue
        if condition_text(payload, made) == text:
            return made
    return None


_PATH: Final = r'PAYLOAD(?P<path>(?:\["(?:[^"\\]|\\.)*"\]|\[[0-9]+\])*)'
_FORMS: Final = {
    "exists": rf'(?P<no>!\()?(?P<last>"(?:[^"\\]|\\.)*") in {_PATH}(?(no)\))',
    "equals": rf"{_PATH} == {_LITERAL}",
    "not-equals": rf"type\(.*\) in \[string, bool, int, uint, double\] && {_PATH} != {_LITERAL}",
    "in": rf"{_PATH} in {_LITERAL}",
    "not-in": rf"type\(.*\) in \[string, bool, int, uint, double\] && !\({_PATH} in {_LITERAL}\)",
    "matches": rf"{_PATH}\.matches\({_LITERAL}\)",
    "at-most": rf"type\(.*\) in \[int, uint, double\] && double\({_PATH}\) <= {_LITERAL}",
    "at-least": rf"type\(.*\) in \[int, uint, double\] && double\({_PATH}\) >= {_LITERAL}",
}


def _path(text: str) -> tuple[str, ...]:
    return tuple(str(json.loads(one)) for one in re.findall(r'\[("(?:[^"\\]|\\.)*"|[0-9]+)\]', text))


def _value(operator: str, found: re.Match[str]) -> Any:
    if operator == "exists":
        return found["no"] is None
    value = json.loads(found["value"])
    if operator == "matches":
        if not (value.startswith("^(?:") and value.endswith(")$")):
            raise ValueError("it is not anchored")
        return Matcher(value[4:-2], "regex")
    return tuple(value) if isinstance(value, list) else value


def _index(part: str) -> str:
    return part if part.isdecimal() else _text(part)


def _text(value: Any) -> str:
    """A value as CEL writes it: JSON, which it reads too."""
    return json.dumps(value, ensure_ascii=True)
