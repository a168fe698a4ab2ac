"""``{{ }}`` in Kyverno's policies: JMESPath over the request, the context and what an attestation says."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sigstep.engines.kyverno.wildcards import wildcard
from sigstep.errors import UsageError
from sigstep.model.workload import Workload
from sigstep.policy.engine import Unjudged
from sigstep.policy.matcher import search

_VARIABLE: Final = re.compile(r"\{\{([^{}]*)\}\}")
_ROUNDS: Final = 20
_CHARACTERS: Final = 4096
_CONFIG_MAP: Final = "configMap"


class Unresolved(Exception):
    """A variable has no value; the engine's rule fails."""


class Lookup(dict[str, Any]):
    """What variables see. A name of the cluster that is not in the files is told when it is asked for."""

    def __init__(self, known: Mapping[str, Any], elsewhere: Mapping[str, str]) -> None:
        super().__init__(known)
        self.elsewhere = dict(elsewhere)

    def within(self, more: Mapping[str, Any]) -> Lookup:
        """The same with more names at its root."""
        return Lookup({**self, **more}, {k: v for k, v in self.elsewhere.items() if k not in more})


def lookup_of(
    workload: Workload,
    context: Sequence[Mapping[str, Any]],
    config_maps: Mapping[tuple[str, str], Mapping[str, Any]],
) -> Lookup:
    """The request of creating the object, and the entries of a rule's context."""
    request = {"operation": "CREATE", "namespace": workload.namespace or "default", "object": workload.document}
    found = Lookup({"request": request}, {})
    for entry in context:
        name = str(entry.get("name"))
        if isinstance(entry.get(_CONFIG_MAP), Mapping):
            where = entry[_CONFIG_MAP]
            key = (str(where.get("namespace") or "default"), str(where.get("name")))
            if key in config_maps:
                found[name] = config_maps[key]
            else:
                found.elsewhere[name] = f"the ConfigMap {'/'.join(key)}"
        elif isinstance(entry.get("variable"), Mapping) and "value" in entry["variable"]:
            found[name] = substitute(entry["variable"]["value"], found)
        else:
            kinds = ", ".join(sorted(set(entry) - {"name"}))
            found.elsewhere[name] = f"the context entry {name} ({kinds})"
    return found


def substitute(value: Any, lookup: Lookup) -> Any:
    """The value with every variable replaced; a text that is one variable becomes what it stands for.

    Raises:
        Unresolved: a variable has no value.
        Unjudged: an expression is not evaluated here, or needs the cluster.
    """
    if isinstance(value, Mapping):
        return {key: substitute(one, lookup) for key, one in value.items()}
    if isinstance(value, list):
        return [substitute(one, lookup) for one in value]
    if not isinstance(value, str):
        return value
    text = value
    for _ in range(_ROUNDS):
        match = _VARIABLE.search(text)
        if match is None:
            return text
        found = evaluate(match[1].strip(), lookup)
        if match[0] == text.strip():
            return found
        inserted = found if isinstance(found, str) else json.dumps(found)
        if len(inserted) > _CHARACTERS:
            raise Unjudged("language", "a variable in a text is too long")
        text = text[: match.start()] + inserted + text[match.end() :]
    raise Unjudged("language", "variables in variables never end")


def evaluate(expression: str, lookup: Lookup) -> Any:
    """The value of a JMESPath expression.

    Raises:
        Unresolved: it has none.
        Unjudged: it is not evaluated here, or needs the cluster.
    """
    try:
        import jmespath
        from jmespath import exceptions
    except ImportError:
        raise Unjudged("language", "JMESPath needs the extra `policy`: install sigstep[policy]") from None
    if len(expression) > _CHARACTERS:
        raise Unjudged("language", f"an expression of {len(expression)} characters")
    first = re.match(r"[A-Za-z_][A-Za-z0-9_]*", expression)
    for name, where in lookup.elsewhere.items():
        if re.search(rf"(?<![\w.]){re.escape(name)}\b", expression):
            raise Unjudged("cluster", where)
    try:
        options = jmespath.Options(custom_functions=_functions())
        value = jmespath.compile(expression).search(dict(lookup), options=options)
    except exceptions.JMESPathTypeError as error:
        raise Unresolved(str(error)[:200]) from None
    except (exceptions.JMESPathError, RecursionError) as error:
        raise Unjudged("language", f"JMESPath: {str(error).splitlines()[0][:120]}") from None
    except UsageError as error:
        raise Unresolved(error.what) from None
    if value is None:
        raise Unresolved(f"{(first[0] if first else expression)[:80]} in {expression[:120]} has no value")
    return value


_SIGNATURES: Final[Mapping[str, tuple[int, Callable[..., Any]]]] = {
    "regex_match": (2, search),
    "pattern_match": (2, lambda pattern, text: wildcard(pattern, str(text))),
    "to_lower": (1, lambda text: text.lower()),
    "to_upper": (1, lambda text: text.upper()),
    "trim": (2, lambda text, cut: text.strip(cut)),
    "trim_prefix": (2, lambda text, prefix: text.removeprefix(prefix)),
    "split": (2, lambda text, part: text.split(part)),
    "replace_all": (3, lambda text, old, new: text.replace(old, new)),
    "equal_fold": (2, lambda one, other: one.casefold() == other.casefold()),
    "base64_decode": (1, lambda text: base64.b64decode(text).decode()),
    "base64_encode": (1, lambda text: base64.b64encode(text.encode()).decode()),
    "parse_json": (1, json.loads),
}


def _functions() -> Any:
    """Kyverno's functions that are evaluated here, as the library takes them."""
    from jmespath import functions

    members: dict[str, Any] = {}
    for name, (count, function) in _SIGNATURES.items():

        def call(self: Any, *given: Any, _function: Callable[..., Any] = function) -> Any:  # noqa: ARG001 - the library's
            try:
                return _function(*given)
            except (ValueError, AttributeError) as error:
                raise Unresolved(str(error)[:200]) from None

        kinds: list[dict[str, Any]] = [{"types": ["string"]} for _ in range(count)]
        if name == "pattern_match":
            kinds[1] = {"types": ["string", "number"]}
        members[f"_func_{name}"] = functions.signature(*kinds)(call)
    return type("Functions", (functions.Functions,), members)()
