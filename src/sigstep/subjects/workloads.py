"""Images that Kubernetes workloads run: every kind of container, and image volumes, each with its JSON pointer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from sigstep.errors import FormatError
from sigstep.model.workload import CONTAINERS, VOLUMES, Workload, WorkloadImage
from sigstep.wire import strict_yaml

_TEMPLATE: Final = ("spec", "template", "spec")
_NATIVE: Final = frozenset({"", "apps", "batch", "extensions"})
POD_SPECS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Pod": ("spec",),
        "PodTemplate": ("template", "spec"),
        "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
        **dict.fromkeys(
            ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"), _TEMPLATE
        ),
    }
)
"""Kinds that make pods, to where their pod spec stands (Kubernetes API, PodSpec)."""


def read_workloads(data: bytes, *, source: str = "manifest") -> tuple[Workload, ...]:
    """Every workload in a stream of manifests (Kustomize and Helm output too), with its images.

    Kinds that make no pods are passed over; every object with ``items`` is opened, as kubectl does (Kubernetes,
    UnstructuredList); kinds that are not known count where they have a pod spec. What looks like a template is refused.

    Args:
        data: YAML or JSON, one or more documents.
        source: its name, for people.

    Raises:
        FormatError: ``manifest-malformed``, or of the YAML (see `strict_yaml.documents`).
    """
    found: list[Workload] = []
    for number, document in enumerate(strict_yaml.loads_all(data, name="manifest")):
        if document is not None:
            found.extend(_of_object(document, f"{source}, document {number}", ""))
    return tuple(found)


def _of_object(value: Any, where: str, pointer: str) -> Iterator[Workload]:
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not isinstance(value.get("apiVersion"), str):
        raise _malformed(where, pointer, "it has no apiVersion and kind")
    if kind == "List" or "items" in value:
        own = {} if kind == "List" else {"apiVersion": value["apiVersion"], "kind": kind.removesuffix("List")}
        for index, item in enumerate(_list(value, "items", where, pointer)):
            whole = {**own, **item} if isinstance(item, dict) else item
            yield from _of_object(whole, where, f"{pointer}/items/{index}")
    if kind == "List":
        return
    native = value["apiVersion"].rpartition("/")[0] in _NATIVE
    path = (POD_SPECS.get(kind) if native else None) or _path_of_other(value)
    if path is None:
        return
    spec: Any = value
    inside = ""
    for part in path:
        inside = f"{inside}/{part}"
        spec = spec.get(part) if isinstance(spec, dict) else None
    if not isinstance(spec, dict):
        raise _malformed(where, pointer + inside, f"the {kind} has no pod spec there")
    metadata = value.get("metadata")
    said = metadata if isinstance(metadata, dict) else {}
    labels = said.get("labels")
    yield Workload(
        source=f"{where}{pointer}",
        api_version=value["apiVersion"],
        kind=kind,
        name=str(said.get("name") or ""),
        namespace=str(said.get("namespace") or ""),
        labels=MappingProxyType({str(k): str(v) for k, v in labels.items()} if isinstance(labels, dict) else {}),
        document=value,
        spec=spec,
        images=tuple(_of_spec(spec, where, inside)),
    )


def _path_of_other(value: dict[str, Any]) -> tuple[str, ...] | None:
    """Where an object of another kind has a pod spec (Knative, Argo Rollouts and their like), by its shape."""
    for path in (_TEMPLATE, ("spec",)):
        found: Any = value
        for part in path:
            found = found.get(part) if isinstance(found, dict) else None
        containers = found.get("containers") if isinstance(found, dict) else None
        if isinstance(containers, list) and any(isinstance(one, dict) and "image" in one for one in containers):
            return path
    return None


def _of_spec(spec: dict[str, Any], where: str, pointer: str) -> Iterator[WorkloadImage]:
    for place in CONTAINERS:
        for index, container in enumerate(_list(spec, place, where, pointer)):
            at = f"{pointer}/{place}/{index}/image"
            image = _image(container, "image", where, at)
            yield WorkloadImage(image=image, place=place, pointer=at, container=str(container.get("name") or ""))
    for index, volume in enumerate(_list(spec, VOLUMES, where, pointer)):
        if isinstance(volume, dict) and "image" in volume:
            at = f"{pointer}/{VOLUMES}/{index}/image/reference"
            image = _image(volume["image"], "reference", where, at)
            yield WorkloadImage(image=image, place=VOLUMES, pointer=at, container=str(volume.get("name") or ""))


def _list(holder: dict[str, Any], name: str, where: str, pointer: str) -> list[Any]:
    value = holder.get(name)
    if value is not None and not isinstance(value, list):
        raise _malformed(where, f"{pointer}/{name}", "it is not a list")
    return value or []


def _image(holder: Any, member: str, where: str, pointer: str) -> str:
    image = holder.get(member) if isinstance(holder, dict) else None
    if not isinstance(image, str) or not image or image != image.strip():
        raise _malformed(where, pointer, "there is no image")
    if "{{" in image or "${" in image:
        raise _malformed(where, pointer, "it is a template; render the manifests first")
    return image


def _malformed(where: str, pointer: str, why: str) -> FormatError:
    return FormatError(
        code="manifest-malformed",
        what=f"the manifest cannot be judged: {where}, {pointer or '/'}",
        why=why,
        fix="correct the manifest; Helm charts and kustomizations have to be rendered",
    )
