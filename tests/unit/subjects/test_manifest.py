"""Images in Dockerfiles, compose files and Kubernetes manifests, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigstep.errors import SigstepError
from sigstep.model import limits
from sigstep.subjects.manifest import read_images

DOCKERFILE = """# syntax=docker/dockerfile:1
ARG BASE=ghcr.io/acme/base
ARG TAG
# a comment
FROM --platform=linux/amd64 ${BASE}:${TAG:-v1} AS build
FROM build AS again
FROM scratch
COPY --from=build /a /a
COPY --chown=1 \\
  --from=ghcr.io/acme/tool:2 /b /b
COPY --from=0 /c /c
RUN --mount=type=bind,from=ghcr.io/acme/mounted,target=/x true
RUN <<EOT
FROM not/an-image
EOT
from ghcr.io/acme/last
"""
KUBERNETES = """apiVersion: v1
kind: Pod
spec:
  initContainers: [{image: ghcr.io/acme/init}]
  containers:
    - name: a
      image: ghcr.io/acme/a:1
---
kind: List
items:
  - spec: {template: {spec: {containers: [{image: ghcr.io/acme/b}]}}}
"""
COMPOSE = """services:
  a:
    image: ${REGISTRY:-ghcr.io}/acme/a
  b:
    build: .
    image: acme/built-here
"""


def images(folder: Path, name: str, text: str) -> list[tuple[int, str]]:
    """Lines and references."""
    (folder / name).write_text(text)
    return [(one.line, str(one.reference)) for one in read_images(folder / name)]


def test_dockerfile(tmp_path: Path) -> None:
    """Frontend, bases, copies and mounts; stages, scratch and here-documents are none."""
    assert images(tmp_path, "Dockerfile", DOCKERFILE) == [
        (1, "docker.io/docker/dockerfile:1"),
        (5, "ghcr.io/acme/base:v1"),
        (9, "ghcr.io/acme/tool:2"),
        (12, "ghcr.io/acme/mounted:latest"),
        (16, "ghcr.io/acme/last:latest"),
    ]


def test_kubernetes(tmp_path: Path) -> None:
    """Every container of every document."""
    assert images(tmp_path, "pod.yaml", KUBERNETES) == [
        (4, "ghcr.io/acme/init:latest"),
        (7, "ghcr.io/acme/a:1"),
        (11, "ghcr.io/acme/b:latest"),
    ]


def test_compose(tmp_path: Path) -> None:
    """What is built is not pulled."""
    assert images(tmp_path, "compose.yml", COMPOSE) == [(3, "ghcr.io/acme/a:latest")]


@pytest.mark.parametrize(
    "before",
    [
        'RUN echo "<<X"\n',
        'RUN echo "a <<X b"\n',
        "RUN cat <<<X\n",
        "RUN echo $((1<<X))\n",
        "RUN <<X\n X\nRUN <<Y\nX\n",
        "RUN <<X <<Y\nX\nRUN <<Z\nY\n",
        "ONBUILD RUN <<X\nRUN <<Y\nX\n",
        "RUN <<NEVER\n",
        "RUN echo \\\\\n",
        "USER a\n# escape=`\nRUN `\n",
        "\ufeff",
    ],
)
def test_no_image_hides(tmp_path: Path, before: str) -> None:
    """What looks like a here-document or a continued line and is none for BuildKit swallows nothing."""
    text = f"{before}FROM ghcr.io/acme/evil\nRUN echo \\\nX\nRUN echo \\\nY\n"
    assert "ghcr.io/acme/evil:latest" in [one for _, one in images(tmp_path, "Dockerfile", text)]


@pytest.mark.parametrize(
    "line",
    [
        "# syntax=ghcr.io/acme/evil with more",
        "RUN --mount=type=bind,FROM=ghcr.io/acme/evil true",
        'RUN --mount="target=/a b,from=ghcr.io/acme/evil" true',
        'RUN --network=none --mount=type=bind,fr"om"=ghcr.io/acme/evil true',
        "ONBUILD COPY --from=ghcr.io/acme/evil /a /a",
        "FROM ghcr.io/acme/ev\\\nil",
    ],
)
def test_spellings(tmp_path: Path, line: str) -> None:
    """Flags in any case and quotes, joined lines, and instructions for later builds name images too."""
    assert images(tmp_path, "Dockerfile", line) == [(1, "ghcr.io/acme/evil:latest")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("apiVersion: v1\nspec:\n  volumes:\n    - image: {reference: ghcr.io/acme/evil, pullPolicy: Always}\n", 4),
        ("apiVersion: v1\nspec:\n  containers:\n    - image: ghcr.io/acme/evil\n      build: .\n", 4),
        ("services:\n  a:\n    image: ghcr.io/acme/evil\n    build: .\n    pull_policy: always\n", 3),
    ],
)
def test_what_is_pulled(tmp_path: Path, text: str, line: int) -> None:
    """Image volumes; ``build`` hides nothing outside of compose, nor where compose pulls all the same."""
    assert images(tmp_path, "a.yaml", text) == [(line, "ghcr.io/acme/evil:latest")]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("Dockerfile", "FROM $UNKNOWN", "image-reference"),
        ("Dockerfile", "FROM", "image-reference"),
        ("Dockerfile", "#" * (limits.POLICY_BYTES + 1), "manifest-too-large"),
        ("pod.yaml", "a: [", "yaml-malformed"),
        ("pod.yaml", "image: $X", "image-reference"),
    ],
)
def test_refuses(tmp_path: Path, name: str, text: str, code: str) -> None:
    """An image that cannot be known is not passed over."""
    with pytest.raises(SigstepError) as caught:
        images(tmp_path, name, text)
    assert caught.value.code == code


def test_a_missing_file(tmp_path: Path) -> None:
    """It is told."""
    with pytest.raises(SigstepError) as caught:
        read_images(tmp_path / "none")
    assert caught.value.code == ("file-unreadable")
