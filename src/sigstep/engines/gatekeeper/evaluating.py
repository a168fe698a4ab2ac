"""Evaluate a template: its Rego with ``external_data`` answered from a table, through a shim in each package."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from sigstep.engines.gatekeeper.rules import PACKAGE, Template
from sigstep.errors import Undecided
from sigstep.policy.engine import Languages, Unjudged

_CALL: Final = re.compile(r"\bexternal_data\s*\(")
# Keys that are not in the table, and providers that are not known, make the function contradict itself: an error of the
# evaluation, never an answer.
_SHIM: Final[Mapping[int, str]] = {
    0: """package {package}
external_data(request) = response {{
  sigstep_known(request)
  table := input.sigstep_answers.table[request.provider]
  response := {{
    "responses": [[key, table[key].value] | key := request.keys[_]; table[key].value],
    "errors": [[key, table[key].error] | key := request.keys[_]; table[key].error],
    "status_code": 200,
    "system_error": input.sigstep_answers.failed[request.provider],
  }}
}}
external_data(request) = "sigstep: not known" {{ not sigstep_known(request) }}
external_data(request) = "sigstep: not known either" {{ not sigstep_known(request) }}
sigstep_known(request) {{
  input.sigstep_answers.table[request.provider]
  count([key | key := request.keys[_]; not input.sigstep_answers.table[request.provider][key]]) == 0
}}
""",
    1: """package {package}
external_data(request) := response if {{
  sigstep_known(request)
  table := input.sigstep_answers.table[request.provider]
  response := {{
    "responses": [[key, table[key].value] | some key in request.keys; table[key].value],
    "errors": [[key, table[key].error] | some key in request.keys; table[key].error],
    "status_code": 200,
    "system_error": input.sigstep_answers.failed[request.provider],
  }}
}}
external_data(request) := "sigstep: not known" if not sigstep_known(request)
external_data(request) := "sigstep: not known either" if not sigstep_known(request)
sigstep_known(request) if {{
  input.sigstep_answers.table[request.provider]
  count([key | some key in request.keys; not input.sigstep_answers.table[request.provider][key]]) == 0
}}
""",
}


def asks(template: Template) -> bool:
    """Whether the template asks a provider."""
    return any(_CALL.search(one) for one in (template.module, *template.libraries))


def violations(
    template: Template,
    document: Mapping[str, Any],
    tables: Mapping[str, Mapping[str, Mapping[str, Any]]],
    failed: Mapping[str, str],
    languages: Languages,
) -> tuple[str, ...]:
    """Messages of all violations.

    Args:
        document: ``review`` and ``parameters``.
        tables: answers by provider and key.
        failed: the system error by provider, empty where it answers.

    Raises:
        Unjudged: it is not evaluated here.
    """
    if template.foreign:
        raise Unjudged("language", template.foreign)
    texts = (template.module, *template.libraries)
    if any("data.inventory" in one for one in texts):
        raise Unjudged("cluster", "the template looks at other objects (data.inventory)")
    modules = list(texts)
    for one in texts:
        package = PACKAGE.search(one)
        if package is not None and _CALL.search(one):
            modules.append(_SHIM[template.version].format(package=package[1]))
    given = {**document, "sigstep_answers": {"table": tables, "failed": failed}}
    try:
        found = languages.rego(modules, f"data.{template.package}.violation", given, version=template.version)
    except Undecided as error:
        reason = "rego" if error.code == "rego-unavailable" else "language"
        raise Unjudged(reason, f"{error.what}: {error.why}") from error
    if found is None:
        return ()
    if not isinstance(found, list):
        raise Unjudged("language", "violation is no set")
    return tuple(_message(one) for one in found)


def _message(one: Any) -> str:
    message = one.get("msg") if isinstance(one, Mapping) else one
    return message if isinstance(message, str) else json.dumps(message)
