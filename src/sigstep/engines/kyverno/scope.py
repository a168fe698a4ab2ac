"""Which objects a rule is about: ``match`` and ``exclude`` of a ClusterPolicy, rules made for controllers of pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sigstep.engines.kyverno.cluster_policy_reader import kinds_of
from sigstep.engines.kyverno.wildcards import matches_any, wildcard
from sigstep.model.workload import Workload
from sigstep.policy.engine import Unjudged

_CONTROLLERS: Final = (
    *("DaemonSet", "Deployment", "Job", "StatefulSet", "ReplicaSet", "ReplicationController", "CronJob"),
)
_CLUSTER: Final = ("subjects", "roles", "clusterRoles")
_READ: Final = frozenset(
    {"kinds", "name", "names", "namespaces", "annotations", "selector", "operations", "namespaceSelector"}
)


def is_about(match: Mapping[str, Any], exclude: Mapping[str, Any], workload: Workload) -> bool:
    """Whether the rule is about an object that is created.

    Raises:
        Unjudged: that depends on the cluster, or on who creates it.
    """
    return _selects(match, workload) and not (bool(exclude) and _selects(exclude, workload))


def made_for_controllers(
    match: Mapping[str, Any], exclude: Mapping[str, Any], autogen: tuple[str, ...] | None, workload: Workload
) -> bool:
    """Whether Kyverno makes the same rule for that kind of controller: it names Pods only, and has no other filter."""
    if workload.kind not in _CONTROLLERS or (autogen is not None and workload.kind not in autogen):
        return False
    named = kinds_of(match) | kinds_of(exclude)
    return named <= {"Pod", "v1/Pod"} and not _filters(match) and not _filters(exclude)


def _filters(block: Any) -> bool:
    if isinstance(block, Mapping):
        return any(
            name in ("name", "names", "selector", "annotations") or _filters(value) for name, value in block.items()
        )
    return isinstance(block, list) and any(_filters(one) for one in block)


def _selects(block: Mapping[str, Any], workload: Workload) -> bool:
    if "any" in block:
        return any(_one(one, workload) for one in _mappings(block["any"]))
    if "all" in block:
        found = _mappings(block["all"])
        return bool(found) and all(_one(one, workload) for one in found)
    return _one(block, workload)


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _one(filter_: Mapping[str, Any], workload: Workload) -> bool:
    resources = filter_.get("resources")
    resources = resources if isinstance(resources, Mapping) else {}
    if not _resources(resources, workload):
        return False
    for name in _CLUSTER:
        if filter_.get(name):
            raise Unjudged("cluster", f"the rule depends on who creates the object ({name})")
    for name in ("namespaceSelector",):
        if resources.get(name):
            raise Unjudged("cluster", f"the rule depends on the namespace ({name})")
    return bool(resources)


def _resources(resources: Mapping[str, Any], workload: Workload) -> bool:
    unread = set(resources) - _READ
    if unread:
        raise Unjudged("language", f"the filter {min(unread)!r}")
    kinds = resources.get("kinds")
    if isinstance(kinds, list) and kinds and not any(is_kind(str(one), workload) for one in kinds):
        return False
    names = [str(one) for one in resources.get("names") or ([resources["name"]] if resources.get("name") else [])]
    namespaces = [str(one) for one in resources.get("namespaces") or []]
    operations = [str(one) for one in resources.get("operations") or []]
    return (
        (not names or matches_any(names, workload.name))
        and (not namespaces or matches_any(namespaces, workload.namespace or "default"))
        and (not operations or "CREATE" in operations)
        and _wildcards(resources.get("annotations"), annotations_of(workload))
        and selects(resources.get("selector"), workload.labels, with_wildcards=True)
    )


def is_kind(written: str, workload: Workload) -> bool:
    """Whether ``group/version/Kind``, ``version/Kind`` or ``Kind`` means the object's kind."""
    group, _, version = workload.api_version.rpartition("/")
    parts = written.split("/")
    if len(parts) == 3:
        return all(wildcard(one, value) for one, value in zip(parts, (group, version, workload.kind), strict=True))
    if len(parts) == 2:
        return wildcard(parts[0], version) and wildcard(parts[1], workload.kind)
    return wildcard(written, workload.kind)


def annotations_of(workload: Workload) -> Mapping[str, str]:
    """The object's annotations."""
    metadata = workload.document.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, Mapping) else {}


def _wildcards(wanted: Any, there: Mapping[str, str]) -> bool:
    if not isinstance(wanted, Mapping):
        return True
    return all(
        any(wildcard(str(name), key) and wildcard(str(value), text) for key, text in there.items())
        for name, value in wanted.items()
    )


def selects(selector: Any, labels: Mapping[str, str], *, with_wildcards: bool = False) -> bool:
    """Whether a label selector of Kubernetes takes the labels.

    Raises:
        Unjudged: it has an operator that is not known.
    """
    if not isinstance(selector, Mapping):
        return True
    wanted = selector.get("matchLabels") or {}
    if with_wildcards:
        if not _wildcards(wanted, labels):
            return False
    elif any(labels.get(str(name)) != str(value) for name, value in wanted.items()):
        return False
    return all(_expression(one, labels) for one in _mappings(selector.get("matchExpressions")))


def _expression(one: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator = str(one.get("key")), one.get("operator")
    values = [str(value) for value in one.get("values") or []]
    if operator in ("Exists", "DoesNotExist"):
        return (key in labels) is (operator == "Exists")
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    raise Unjudged("language", f"the selector's operator {str(operator)[:40]!r}")
