"""The child process that evaluates ImageValidatingPolicies: one request on standard input, one answer on output.

cel-python has no limit of steps, so that the parent kills the child after a time. What verifies was found out before:
the request has tables, and the functions look things up in them.

Request: ``policies``, each with ``object``, ``images`` (place: list), ``signatures`` (image: attestor: count or
``{"unjudged": [name, why]}``), ``attestations`` (image: attestation: attestor: ``{"count", "payload"}`` or unjudged),
and the expressions. Answer: for each policy ``applies``, ``selected``, ``verified``, ``failed``, ``error``,
``unjudged``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Final

FAILED: Final = 1
_MACROS: Final = frozenset(
    {"has", "all", "exists", "exists_one", "map", "filter", "size", "contains", "startsWith", "endsWith", "matches"}
    | {"string", "int", "uint", "double", "bool", "bytes", "type", "dyn", "duration", "timestamp", "reduce", "min"}
    | {"getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes"}
    | {"getSeconds", "getMilliseconds", "lowerAscii", "upperAscii"}
)
_PARTS: Final = ("registry", "repository", "tag", "digest", "identifier", "containsDigest")
_OURS: Final = frozenset({"verifyImageSignatures", "verifyAttestationSignatures", "extractPayload", "image", *_PARTS})
_CLUSTER: Final = frozenset({"resource", "http", "globalContext"})


class Unjudged(Exception):
    """The expression needs what is not here."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.name = name


def main() -> int:
    """Evaluate every policy of the request."""
    request = json.loads(sys.stdin.buffer.read())
    try:
        import celpy  # noqa: F401 - told apart from what an expression raises
    except ImportError:
        missing = _unjudged("language", "CEL needs the extra `policy`: install sigstep[policy]")
        answer = {"policies": [missing for _ in request["policies"]]}
    else:
        answer = {"policies": [_Policy(one).run() for one in request["policies"]]}
    sys.stdout.write(json.dumps(answer))
    return 0


def _unjudged(name: str, why: str) -> dict[str, Any]:
    return {"unjudged": [name, why[:300]]}


class _Policy:
    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self.payloads: dict[tuple[str, str], Any] = {}
        self.verified: set[str] = set()
        self.missing: dict[str, Exception] = {}
        self.variables: dict[str, Any] = {}
        self.kept: Exception | None = None

    def run(self) -> dict[str, Any]:
        """The answer about one policy; everything that goes wrong is told apart."""
        answer: dict[str, Any] = {"applies": False, "selected": [], "verified": [], "failed": []}
        try:
            self._excepted()
            if any(self._bool(one) is not True for one in self.request["conditions"]) or self._excepted():
                return answer
            answer["applies"] = True
            images = self._selected()
            answer["selected"] = sorted({one for many in images.values() for one in many})
            self.context = {
                **self._base(),
                "images": images,
                "attestors": {name: name for name in self.request["attestors"]},
                "attestations": {name: name for name in self.request["attestationNames"]},
            }
            self._variables()
            for expression in self.request["validations"]:
                if self._bool(expression) is not True:
                    answer["failed"].append(expression)
                    break
        except Unjudged as error:
            return _unjudged(error.name, str(error))
        except RecursionError:
            return _unjudged("language", "an expression nests too deep")
        except Exception as error:  # noqa: BLE001 - the evaluator raises anything; the engine counts it as an error
            answer["applies"] = True
            answer["error"] = f"{type(error).__name__}: {error}"[:300]
        answer["verified"] = sorted(self.verified)
        return answer

    context: dict[str, Any]

    def _excepted(self) -> bool:
        if not hasattr(self, "context"):
            self.context = self._base()
        return any(
            bool(one) and all(self._bool(expression) is True for expression in one)
            for one in self.request["exceptions"]
        )

    def _base(self) -> dict[str, Any]:
        found: dict[str, Any] = self.request["object"]
        return {"object": found, "request": {"operation": "CREATE", "namespace": self.request["namespace"]}}

    def _selected(self) -> dict[str, list[str]]:
        """The images of every place that a reference selects; own extractors come after."""
        places: dict[str, list[str]] = dict(self.request["images"])
        for name, expression in self.request["extractors"]:
            found = self._value(expression, self._base())
            places[name] = [str(one) for one in found]
        selected: set[str] = set(self.request["globbed"])
        for expression in self.request["references"]:
            for image in {one for many in places.values() for one in many}:
                if bool(self._value(expression, {**self._base(), "ref": image})):
                    selected.add(image)
        known = {one for many in self.request["images"].values() for one in many}
        extra = {one for many in places.values() for one in many} - known
        if extra and not self.request["all"]:
            raise Unjudged("language", "globs over images of own extractors")
        return {name: [one for one in many if self.request["all"] or one in selected] for name, many in places.items()}

    def _variables(self) -> None:
        """Variables are lazy in the engine: one that fails matters only where it is used."""
        self.context["variables"] = self.variables
        for name, expression in self.request["variables"]:
            try:
                self.variables[name] = self._value(expression, self.context)
            except Exception as error:  # noqa: BLE001 - kept for where it is used
                self.missing[name] = error

    def _bool(self, expression: str) -> Any:
        import celpy

        value = self._value(expression, self.context)
        if not isinstance(value, celpy.celtypes.BoolType):
            raise TypeError(f"it gave a {type(value).__name__}, not a bool")
        return bool(value)

    def _value(self, expression: str, context: dict[str, Any]) -> Any:
        import celpy
        import celpy.celparser
        from celpy.adapter import json_to_cel

        for name, error in self.missing.items():
            if f"variables.{name}" in expression:
                raise error
        environment = celpy.Environment()
        try:
            tree = environment.compile(expression)
        except celpy.celparser.CELParseError as error:
            raise Unjudged("language", f"CEL: {str(error).splitlines()[0][:100]} in {expression[:100]}") from None
        for called in _called(tree):
            if called not in _MACROS | _OURS:
                name = "cluster" if any(one in expression for one in _CLUSTER) else "language"
                raise Unjudged(name, f"the function {called} in {expression[:100]}")
        program = environment.program(tree, functions=self._functions())
        self.kept = None
        try:
            bound = {name: value if name == "variables" else json_to_cel(value) for name, value in context.items()}
            if "variables" in bound:
                bound["variables"] = celpy.celtypes.MapType(
                    {celpy.celtypes.StringType(name): value for name, value in self.variables.items()}
                )
            return program.evaluate(bound)
        except Exception:
            if self.kept is not None:
                raise self.kept from None
            raise

    def _functions(self) -> dict[str, Callable[..., Any]]:
        from celpy import celtypes
        from celpy.adapter import json_to_cel

        def told(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any) -> Any:
                try:
                    return function(*arguments)
                except Unjudged as error:  # the evaluator would turn it into an error of its own
                    self.kept = error
                    raise ValueError(str(error)) from None

            return call

        def signatures(image: Any, attestors: Any) -> Any:
            table = self.request["signatures"].get(str(image))
            found = sum(_count(table, str(one), str(image)) for one in attestors)
            if found:
                self.verified.add(str(image))
            return celtypes.IntType(found)

        def attestations(image: Any, attestation: Any, attestors: Any) -> Any:
            table = self.request["attestations"].get(str(image), {}).get(str(attestation))
            found = 0
            for one in attestors:
                count = _count(table, str(one), str(image))
                if count:
                    found += 1
                    self.payloads[str(image), str(attestation)] = table[str(one)]["payload"]
                    self.verified.add(str(image))
            return celtypes.IntType(found)

        def payload(image: Any, attestation: Any) -> Any:
            if (str(image), str(attestation)) not in self.payloads:
                raise ValueError("the payload is not there: verify the attestation first")
            return json_to_cel(self.payloads[str(image), str(attestation)])

        def part(name: str) -> Callable[..., Any]:
            return lambda image: json_to_cel(self.request["parts"].get(str(image), {}).get(name, ""))

        return {
            "verifyImageSignatures": told(signatures),
            "verifyAttestationSignatures": told(attestations),
            "extractPayload": told(payload),
            "image": lambda text: text,
            **{
                name: part(name) for name in ("registry", "repository", "tag", "digest", "identifier", "containsDigest")
            },
        }


def _count(table: Any, attestor: str, image: str) -> int:
    if table is None:
        raise Unjudged("evidence", f"{image[:200]} is no image of the object that was resolved")
    found = table.get(attestor)
    if found is None:
        raise ValueError(f"there is no attestor {attestor}")
    if isinstance(found, dict) and "unjudged" in found:
        raise Unjudged(*found["unjudged"])
    return int(found["count"] if isinstance(found, dict) else found)


def _called(tree: Any) -> set[str]:
    """Names of all functions and methods that an expression calls."""
    found: set[str] = set()
    for node in tree.iter_subtrees():
        if node.data == "member_dot_arg":
            found.add(str(node.children[1]))
        elif node.data in ("ident_arg", "dot_ident_arg"):
            found.add(str(node.children[0]))
    return found


if __name__ == "__main__":
    sys.exit(main())
