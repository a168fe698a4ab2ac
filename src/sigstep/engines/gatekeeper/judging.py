"""What Gatekeeper would say: every constraint about the object, or about what it expands to, has to be satisfied.

Each image of an admitted object is probed: where the constraint is satisfied even if that image is unsigned, or signed
by a stranger, the template does not look at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sigstep.engines.gatekeeper import providers
from sigstep.engines.gatekeeper.evaluating import asks, violations
from sigstep.engines.gatekeeper.rules import Constraint, Expansion, GatekeeperRules, Template
from sigstep.model.workload import Workload
from sigstep.policy.engine import ImageEvidence, Ruling, Surroundings, Unjudged
from sigstep.policy.judging import Decision
from sigstep.policy.rulings import unknown

_ACTIONS: Final = {"deny": Decision.DENY, "warn": Decision.WARN, "dryrun": Decision.WARN}
_LITERAL: Final = re.compile(r'"provider"\s*:\s*"([^"]+)"')
_NOT_SEEN: Final = "the template does not look at this image: it is satisfied even if the image is "
_DEPTH: Final = 5


def judge(
    rules: GatekeeperRules, workload: Workload, images: Mapping[str, ImageEvidence], surroundings: Surroundings
) -> tuple[Ruling, ...]:
    """See `sigstep.policy.engine.Engine.judge`."""
    found: list[Ruling] = []
    for constraint in rules.constraints:
        try:
            for review, action in _reviews(constraint, rules, workload):
                found += _of_review(constraint, rules, review, action, workload, images, surroundings)
        except Unjudged as error:
            found.append(unknown(error, pointer="", policy=constraint.kind, rule=constraint.name))
    if found:
        return tuple(found)
    reason = "no constraint is about the object: it is admitted without verification"
    return tuple(
        Ruling(decision=Decision.WARN, policy="", rule="", pointer=one.pointer, reason=reason)
        for one in workload.images
    )


def _reviews(
    constraint: Constraint, rules: GatekeeperRules, workload: Workload
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The objects that the constraint is about, with the action for each: itself, and what it expands to."""
    group, _, version = workload.api_version.rpartition("/")
    source = str(constraint.match.get("source") or "All")
    if source in ("All", "Original") and _is_about(constraint.match, (group, workload.kind), workload):
        yield _review((group, version, workload.kind), workload.document, workload), constraint.action
    if source in ("All", "Generated"):
        yield from _generated(constraint, rules, (group, version, workload.kind), workload.document, workload, 0)


def _generated(
    constraint: Constraint,
    rules: GatekeeperRules,
    kind: tuple[str, str, str],
    document: Mapping[str, Any],
    workload: Workload,
    depth: int,
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """What the object expands to, and what that expands to (a CronJob makes Jobs, which make Pods)."""
    if depth > _DEPTH:
        raise Unjudged("language", "expansions of expansions do not end")
    for expansion in rules.expansions:
        if kind in expansion.applies:
            made = _expanded(expansion, document)
            if _is_about(constraint.match, (expansion.generated[0], expansion.generated[2]), workload):
                yield _review(expansion.generated, made, workload), expansion.action or constraint.action
            yield from _generated(constraint, rules, expansion.generated, made, workload, depth + 1)


def _expanded(expansion: Expansion, document: Mapping[str, Any]) -> Mapping[str, Any]:
    value: Any = document
    for part in expansion.source:
        value = value.get(part) if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping):
        raise Unjudged("language", f"the expansion finds nothing at {'.'.join(expansion.source)}")
    group, version, kind = expansion.generated
    return {"apiVersion": f"{group}/{version}" if group else version, "kind": kind, **value}


def _review(kind: tuple[str, str, str], document: Mapping[str, Any], workload: Workload) -> Mapping[str, Any]:
    return {
        "kind": {"group": kind[0], "version": kind[1], "kind": kind[2]},
        "operation": "CREATE",
        "name": workload.name,
        "namespace": workload.namespace or "default",
        "object": document,
    }


def _is_about(match: Mapping[str, Any], kind: tuple[str, str], workload: Workload) -> bool:
    namespace = workload.namespace or "default"
    kinds = match.get("kinds")
    if kinds and not any(_kind(one, kind) for one in kinds if isinstance(one, Mapping)):
        return False
    if match.get("namespaces") and not _some(match["namespaces"], namespace):
        return False
    if _some(match.get("excludedNamespaces") or (), namespace) or match.get("scope") == "Cluster":
        return False
    if match.get("name") and not _glob(str(match["name"]), workload.name):
        return False
    if match.get("namespaceSelector"):
        raise Unjudged("cluster", "the constraint depends on the namespace (namespaceSelector)")
    return _labels(match.get("labelSelector"), workload)


def _kind(one: Mapping[str, Any], kind: tuple[str, str]) -> bool:
    groups, kinds = one.get("apiGroups") or ["*"], one.get("kinds") or ["*"]
    return bool(({"*", kind[0]} & set(groups)) and ({"*", kind[1]} & set(kinds)))


def _some(patterns: Any, text: str) -> bool:
    return any(_glob(str(one), text) for one in patterns)


def _glob(pattern: str, text: str) -> bool:
    """``*`` may stand at the beginning and at the end."""
    if pattern.startswith("*") and pattern.endswith("*") and len(pattern) > 1:
        return pattern[1:-1] in text
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    return text.endswith(pattern[1:]) if pattern.startswith("*") else pattern == text


def _labels(selector: Any, workload: Workload) -> bool:
    if not isinstance(selector, Mapping):
        return True
    if selector.get("matchExpressions"):
        raise Unjudged("language", "label expressions of a constraint")
    return all(workload.labels.get(str(k)) == str(v) for k, v in (selector.get("matchLabels") or {}).items())


def _of_review(
    constraint: Constraint,
    rules: GatekeeperRules,
    review: Mapping[str, Any],
    action: str,
    workload: Workload,
    images: Mapping[str, ImageEvidence],
    surroundings: Surroundings,
) -> list[Ruling]:
    template = rules.templates[constraint.kind]
    document = {"review": review, "parameters": constraint.parameters}
    names = _providers(constraint, template, rules) if asks(template) else set()
    shapes = {name: providers.shape_of(name) for name in names}
    written = {one.image: images.get(one.image) for one in workload.images}
    known = {shape: providers.answers(shape, written, rules, surroundings) for shape in set(shapes.values())}
    namespace = str(review["namespace"])

    def ask(image: str = "", *, stranger: bool = False) -> tuple[str, ...]:
        tables: dict[str, dict[str, Any]] = {}
        failed: dict[str, str] = {}
        for name, shape in shapes.items():
            table = dict(known[shape])
            if image:
                other = providers.by_stranger(shape, table) if stranger else None
                table[image] = other or providers.without(shape, image)
            broken = shape == providers.COSIGN and any("error" in one for one in table.values())
            failed[name] = "an image is invalid" if broken else ""
            tables[name] = {**table, **{f"[{namespace}]{key}": value for key, value in table.items()}}
        return violations(template, document, tables, failed, surroundings.languages)

    def blind_to(image: str) -> str:
        if not shapes or not ask(image):
            return f"{_NOT_SEEN}unsigned"
        return "" if ask(image, stranger=True) else f"{_NOT_SEEN}signed by somebody else"

    def ruling(decision: Decision, pointer: str, reason: str, *, seen: bool = True) -> Ruling:
        return Ruling(
            decision=decision, policy=constraint.kind, rule=constraint.name, pointer=pointer, reason=reason, seen=seen
        )

    messages = ask()
    if messages:
        return [ruling(_ACTIONS.get(action, Decision.DENY), "", "; ".join(messages)[:1000])]
    found: list[Ruling] = []
    for one in workload.images:
        blind = blind_to(one.image)
        found.append(ruling(Decision.WARN if blind else Decision.ADMIT, one.pointer, blind, seen=not blind))
    return found


def _providers(constraint: Constraint, template: Template, rules: GatekeeperRules) -> set[str]:
    """Names of providers that the template may ask: written in it, in the parameters, or known by an object."""
    found = {name for text in (template.module, *template.libraries) for name in _LITERAL.findall(text)}
    parameters = constraint.parameters
    if isinstance(parameters, Mapping) and isinstance(parameters.get("provider"), str):
        found.add(parameters["provider"])
    return found or set(rules.providers)
