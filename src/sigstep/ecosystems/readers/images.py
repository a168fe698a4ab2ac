"""Dockerfiles, compose files and Kubernetes manifests: images, and release assets that a Dockerfile adds by hash."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sigstep.ecosystems.readers.common import bounded, image, release_asset, text_of
from sigstep.model.dependency import Locked
from sigstep.subjects.manifest import images_in
from sigstep.wire import strict_yaml

_OBJECT: Final = re.compile(rb"^apiVersion\s*:", re.MULTILINE)
_COMPOSE: Final = re.compile(r"(?:docker-)?compose(?:[.-][^/]*)?\.ya?ml")
_ADD: Final = re.compile(
    r"\s*ADD\s.*?--checksum=(?P<digest>sha256:[0-9a-f]{64})\s.*?(?P<url>https://\S+)", re.IGNORECASE
)


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every image that is named; YAML that is neither a compose file nor Kubernetes' has none.

    Raises:
        FormatError: it cannot be read.
    """
    name = path.rpartition("/")[2]
    if not name.endswith((".yml", ".yaml")):
        return bounded(_dockerfile(data, path), path)
    kubernetes = bool(_OBJECT.search(data)) and b"image" in data
    if (not kubernetes and not _COMPOSE.fullmatch(name)) or b"{{" in data:  # a template is no YAML yet
        return ()
    return bounded(_yaml(data, path, kubernetes=kubernetes), path)


def _dockerfile(data: bytes, path: str) -> Iterator[Locked]:
    for line, text in images_in(data, "Dockerfile"):
        yield image(text, path, line)
    for number, text in enumerate(text_of(data, path).splitlines(), 1):
        if match := _ADD.match(text):
            yield from release_asset(match["url"], match["digest"], path, number)


def _yaml(data: bytes, path: str, *, kubernetes: bool) -> Iterator[Locked]:
    tops = [one.value for one in strict_yaml.documents(data, name=path)]
    wanted = ("apiVersion", "kind") if kubernetes else ("services",)
    if not any(isinstance(top, Mapping) and all(name in top for name in wanted) for top in tops):
        return
    for line, text in images_in(data, "manifest.yaml"):
        yield image(text, path, line)
