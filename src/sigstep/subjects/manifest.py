"""Images named by Dockerfiles, compose files and Kubernetes manifests, with the line of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sigstep.errors import FormatError, UsageError
from sigstep.model import limits
from sigstep.oci.reference import Reference, parse_reference
from sigstep.wire import strict_yaml

_SYNTAX: Final = re.compile(r"#\s*syntax\s*=\s*(\S+)\s*", re.IGNORECASE)
_DIRECTIVE: Final = re.compile(r"#\s*[a-z]+\s*=\s*\S.*", re.IGNORECASE)
_ESCAPE: Final = re.compile(r"#\s*escape\s*=\s*(\S)\s*", re.IGNORECASE)
_ARG: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:=(.*))?")
_VARIABLE: Final = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^${}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))")
_MOUNT_FROM: Final = re.compile(r"--mount=\S*?\bfrom=([^,\s]+)")
_COPY_FROM: Final = re.compile(r"--from=(\S+)")
_IMAGE_KEYS: Final = frozenset({"image"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedImage:
    """An image that a file names, and the line (from 1)."""

    reference: Reference
    path: Path
    line: int


def read_images(path: Path) -> tuple[NamedImage, ...]:
    """The images that a file names: a Dockerfile by its name (or YAML otherwise), in the order of its lines.

    Raises:
        UsageError: ``file-unreadable``; ``image-reference`` with a line whose image cannot be known.
        FormatError: ``manifest-too-large``, or a code of strict YAML.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limits.POLICY_BYTES + 1)
    except OSError as error:
        raise UsageError(
            code="file-unreadable", what=f"{path} cannot be read", why=error.strerror or "", fix="check the path"
        ) from None
    return named_images(data, path, path.name)


def named_images(data: bytes, path: Path, name: str) -> tuple[NamedImage, ...]:
    """The images that a file's bytes name; ``path`` is for the report, ``name`` tells the form (see `images_in`).

    Raises:
        UsageError: ``image-reference`` with a line whose image cannot be known.
        FormatError: ``manifest-too-large``, or a code of strict YAML.
    """
    if len(data) > limits.POLICY_BYTES:
        raise FormatError(
            code="manifest-too-large",
            what=f"{path} is too large",
            why=f"at most {limits.POLICY_BYTES} bytes are read",
            fix="check the path",
        )
    found = images_in(data, name)
    return tuple(NamedImage(reference=_reference(text, path, line), path=path, line=line) for line, text in found)


def images_in(data: bytes, name: str) -> Iterator[tuple[int, str]]:
    """Lines and texts of the images in a file's bytes: YAML by the suffix of its name, otherwise a Dockerfile.

    A variable with a default stands for it; others stay as they are written.

    Raises:
        FormatError: a code of strict YAML.
    """
    yaml = name.endswith((".yml", ".yaml", ".json"))
    for line, text in _of_yaml(data, name) if yaml else _of_dockerfile(data.decode("utf-8", "replace")):
        yield line, _VARIABLE.sub(lambda match: match[2] if match[2] is not None else match[0], text)


def _of_dockerfile(text: str) -> Iterator[tuple[int, str]]:
    """``# syntax``, FROM, COPY and ADD ``--from``, RUN ``--mount=from``; names of stages are no images."""
    stages: set[str] = set()
    arguments: dict[str, str] = {}
    in_stage = False
    yield from _frontend(text.splitlines())
    for number, words in instructions(text):
        name = words[0].upper()
        if name == "ARG" and not in_stage:
            for word in words[1:]:
                if (match := _ARG.fullmatch(word)) and match[2] is not None:
                    arguments[match[1]] = _filled(match[2].strip("\"'"), arguments)
        elif name == "FROM":
            in_stage = True
            given = [word for word in words[1:] if not word.startswith("--")]
            image = _filled(given[0], arguments) if given else ""
            if image.lower() not in stages and image != "scratch":
                yield number, image
            if len(given) == 3 and given[1].upper() == "AS":
                stages.add(given[2].lower())
        else:
            pattern = _MOUNT_FROM if name == "RUN" else _COPY_FROM if name in {"COPY", "ADD"} else None
            for word in words[1:] if pattern else ():
                match = pattern.match(word) if pattern else None
                if match and match[1].lower() not in stages and not match[1].isdecimal() and match[1] != "scratch":
                    yield number, _filled(match[1], arguments)


def _frontend(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The image of the frontend; directives stand before everything else."""
    for number, line in enumerate(lines, start=1):
        if not _DIRECTIVE.fullmatch(line.strip()):
            return
        if match := _SYNTAX.fullmatch(line.strip()):
            yield number, match[1]


def instructions(text: str) -> Iterator[tuple[int, list[str]]]:
    """Whole instructions of a Dockerfile, as words, with the line on which each begins; without comments."""
    lines = text.splitlines()
    escape = next((match[1] for line in lines[:5] if (match := _ESCAPE.fullmatch(line.strip()))), "\\")
    begun, words = 0, ""
    until = ""
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if until:
            until = "" if stripped == until else until
            continue
        if stripped.startswith("#") or not stripped:
            continue
        begun = begun or number
        if stripped.endswith(escape):
            words += stripped[:-1] + " "
            continue
        words += stripped
        if words.split(maxsplit=1)[0].upper() in {"RUN", "COPY", "ADD"}:
            heredoc = re.search(r"<<-?[\"']?([A-Za-z_][A-Za-z0-9_]*)[\"']?", words)
            until = heredoc[1] if heredoc else ""
        yield begun, words.split()
        begun, words = 0, ""
    if words.split():
        yield begun, words.split()


def _filled(text: str, arguments: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[3]
        return arguments.get(name, match[2] if match[2] is not None else match[0])

    return _VARIABLE.sub(value, text)


def _of_yaml(data: bytes, name: str) -> Iterator[tuple[int, str]]:
    """Every ``image: text`` of Kubernetes objects and compose services (one that is built is not pulled)."""
    for document in strict_yaml.documents(data, name=name):
        yield from _walk(document)


def _walk(node: strict_yaml.Node) -> Iterator[tuple[int, str]]:
    value: Any = node.value
    if isinstance(value, tuple):
        for child in value:
            yield from _walk(child)
    elif not isinstance(value, (str, int, float, type(None))):
        for key, child in value.items():
            if key in _IMAGE_KEYS and isinstance(child.value, str):
                if "build" not in value:
                    yield child.line, child.value
            else:
                yield from _walk(child)


def _reference(text: str, path: Path, line: int) -> Reference:
    try:
        return parse_reference(text)
    except UsageError as error:
        raise UsageError(
            code="image-reference",
            what=f"{path}, line {line}: {error.what}",
            why=error.why,
            fix="write the image out, as `docker compose config` and `helm template` do (--in -); variables without a "
            "default are not known here",
        ) from error
