"""Kubernetes workloads and the images they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")
VOLUMES: Final = "volumes"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadImage:
    """An image as written, and where: ``place`` is one of `CONTAINERS` or `VOLUMES`; ``container`` is its name there.

    ``pointer`` is the JSON pointer (RFC 6901) of the image in its object.
    """

    image: str
    place: str
    pointer: str
    container: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One object that makes pods.

    Attributes:
        source: the file and the number of the document, for people.
        document: the object as written.
        spec: its pod spec.
        images: every image of the pod spec.
    """

    source: str
    api_version: str
    kind: str
    name: str
    namespace: str
    labels: Mapping[str, str]
    document: Mapping[str, Any]
    spec: Mapping[str, Any]
    images: tuple[WorkloadImage, ...]
