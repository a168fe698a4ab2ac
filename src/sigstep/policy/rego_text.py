"""Rego that our exports carry: one fixed interpreter, with the demands beside it as data.

It is Rego version 0, which every engine reads; tests hold it to what `sigstep.policy.conditions` says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sigstep.policy.conditions import Condition
from sigstep.policy.matcher import Matcher

CONDITIONS: Final = """\
satisfies(statement, conditions) {
  count({i | c := conditions[i]; holds(statement, c)}) == count(conditions)
}
holds(statement, c) { c.operator == "exists"; c.value == true; has(statement, c.path) }
holds(statement, c) { c.operator == "exists"; c.value == false; not has(statement, c.path) }
holds(statement, c) { walk(statement, [p, v]); is_path(p, c.path); compare(c.operator, v, c.value) }
has(statement, path) { walk(statement, [p, _]); is_path(p, path) }
is_path(p, path) { [sprintf("%v", [part]) | part := p[_]] == path }
compare("equals", v, value) { v == value }
compare("not-equals", v, value) { is_scalar(v); v != value }
compare("in", v, value) { v == value[_] }
compare("not-in", v, value) { is_scalar(v); count([one | one := value[_]; one == v]) == 0 }
compare("matches", v, value) { is_string(v); regex.match(value, v) }
compare("at-most", v, value) { is_number(v); v <= value }
compare("at-least", v, value) { is_number(v); v >= value }
compare("max-age", v, value) {
  is_string(v)
  regex.match(`^[0-9]{4}-[01][0-9]-[0-3][0-9][Tt][0-9:]{8}([.][0-9]+)?([Zz]|[+-][0-9:]{5})$`, v)
  age := time.now_ns() - time.parse_rfc3339_ns(v)
  age <= value * 1000000000
  age >= -300000000000
}
is_scalar(v) { is_string(v) }
is_scalar(v) { is_number(v) }
is_scalar(v) { is_boolean(v) }
"""


def condition_data(conditions: Sequence[Condition]) -> list[dict[str, Any]]:
    """Conditions as the interpreter reads them."""
    return [{"path": list(one.path), "operator": one.operator, "value": _value(one.value)} for one in conditions]


def read_conditions(data: Any) -> tuple[Condition, ...]:
    """Conditions that `condition_data` wrote.

    Raises:
        ValueError: it did not write these.
    """
    try:
        return tuple(_condition(one) for one in data)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("these are no conditions") from error


def data_text(value: Any) -> str:
    """A value as Rego writes it, which is JSON."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, indent=1)


def _value(value: Any) -> Any:
    if isinstance(value, Matcher):
        return f"^(?:{value.expression})$"
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    return list(value) if isinstance(value, tuple) else value


def _condition(one: Any) -> Condition:
    path, operator, value = tuple(one["path"]), one["operator"], one["value"]
    if operator == "matches":
        if not (value.startswith("^(?:") and value.endswith(")$")):
            raise ValueError("the expression is not anchored")
        value = Matcher(value[4:-2], "regex")
    elif operator == "max-age":
        value = timedelta(seconds=value)
    elif isinstance(value, list):
        value = tuple(value)
    return Condition(path=path, operator=operator, value=value)
