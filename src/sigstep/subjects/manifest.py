"""Images named by Dockerfiles, compose files and Kubernetes manifests, with the line of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sigstep.errors import FormatError, UsageError
from sigstep.model import limits
from sigstep.oci.reference import Reference, parse_reference
from sigstep.wire import strict_yaml

_DIRECTIVE: Final = re.compile(r"#\s*([a-z][a-z0-9]*)\s*=\s*(\S+).*", re.IGNORECASE)
_ARG: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:=(.*))?")
_VARIABLE: Final = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^${}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))")
_WORD: Final = re.compile(r"(?:\\.|\"(?:\\.|[^\"\\])*\"|'[^']*'|\S)+")
_HEREDOC: Final = re.compile(r"[0-9]*<<(-?)([\"']?)([^<\"']+)\2")
_MOUNT_FROM: Final = re.compile(r"--mount=(?:.*?,)?\s*from=([^,]+).*", re.IGNORECASE)
_COPY_FROM: Final = re.compile(r"--from=(.+)")
_BUILT: Final = frozenset({"", "build", "never"})  # pull policies of compose with which a built image is not pulled


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
    for line, text in _of_yaml(data, name) if yaml else _of_dockerfile(data.decode("utf-8-sig", "replace")):
        yield line, _VARIABLE.sub(lambda match: match[2] if match[2] is not None else match[0], text)


def _of_dockerfile(text: str) -> Iterator[tuple[int, str]]:
    """``# syntax``, FROM, COPY and ADD ``--from``, RUN ``--mount=from``; names of stages are no images."""
    stages: set[str] = set()
    arguments: dict[str, str] = {}
    in_stage = False
    directives = _directives(text)
    if "syntax" in directives:
        yield directives["syntax"]
    for number, words in instructions(text):
        if words[0].upper() == "ONBUILD":
            words = words[1:] or words
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
            for flag in _flags(words[1:]) if pattern else ():
                match = pattern.fullmatch(flag) if pattern else None
                if match and match[1].lower() not in stages and not match[1].isdecimal() and match[1] != "scratch":
                    yield number, _filled(match[1], arguments)


def _flags(words: list[str]) -> Iterator[str]:
    """The flags before everything else of an instruction, without their quotes (BuildKit, extractBuilderFlags)."""
    for word in _WORD.findall(" ".join(words)):
        if not word.startswith("--"):
            return
        yield re.sub(r"\\(.)|[\"']", r"\1", word)


def _directives(text: str) -> dict[str, tuple[int, str]]:
    """Parser directives with their lines; they stand before everything else, other comments too."""
    found: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        match = _DIRECTIVE.fullmatch(line.strip())
        if not match:
            break
        found.setdefault(match[1].lower(), (number, match[2]))
    return found


def instructions(text: str) -> Iterator[tuple[int, list[str]]]:
    """Whole instructions of a Dockerfile, as words, with the line on which each begins; without comments.

    Lines are joined, and here-documents end, as in BuildKit (frontend/dockerfile/parser): another reading would take
    a FROM for text of the line before.
    """
    lines = [line.rstrip("\r") for line in text.split("\n")]
    lasts = {(tabs, line.lstrip("\t" * tabs)): n for n, line in enumerate(lines, start=1) for tabs in (False, True)}
    escape = re.escape(_directives(text).get("escape", (0, "\\"))[1])
    joined = re.compile(rf"(?:^|(?<!{escape})){escape}[ \t]*$")
    begun, whole, after = 0, "", 0
    for number, line in enumerate(lines, start=1):
        if number <= after or not line.strip() or line.lstrip().startswith("#"):
            continue
        begun = begun or number
        whole += joined.sub("", line)
        if joined.search(line):
            continue
        if re.match(r"\s*(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\s", whole, re.IGNORECASE):
            after = number
            for match in filter(None, map(_HEREDOC.fullmatch, _WORD.findall(whole))):
                after = _end_of_heredoc((bool(match[1]), match[3]), lines, lasts, after)
        yield begun, whole.split()
        begun, whole = 0, ""
    if whole.split():
        yield begun, whole.split()


def _end_of_heredoc(end: tuple[bool, str], lines: list[str], lasts: dict[tuple[bool, str], int], number: int) -> int:
    """The line that ends a here-document which begins below line ``number``; one that does not end is none."""
    tabs, text = end
    if lasts.get(end, 0) <= number:
        return number
    return next(n for n in range(number + 1, len(lines) + 1) if lines[n - 1].lstrip("\t" * tabs) == text)


def _filled(text: str, arguments: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[3]
        return arguments.get(name, match[2] if match[2] is not None else match[0])

    return _VARIABLE.sub(value, text)


def _of_yaml(data: bytes, name: str) -> Iterator[tuple[int, str]]:
    """Every image of Kubernetes objects (volumes too) and compose services; what is only built is not pulled."""
    for document in strict_yaml.documents(data, name=name):
        kubernetes = isinstance(document.value, Mapping) and "apiVersion" in document.value
        yield from _walk(document, built=not kubernetes)


def _walk(node: strict_yaml.Node, *, built: bool) -> Iterator[tuple[int, str]]:
    """``built``: whether a ``build`` beside an image means something."""
    value: Any = node.value
    if isinstance(value, tuple):
        for child in value:
            yield from _walk(child, built=built)
    elif isinstance(value, Mapping):
        for key, child in value.items():
            if key == "image" and isinstance(child.value, str):
                if not (built and "build" in value and _text(value, "pull_policy") in _BUILT):
                    yield child.line, child.value
            elif key == "image" and isinstance(child.value, Mapping) and _text(child.value, "reference"):
                yield child.line, _text(child.value, "reference")
            else:
                yield from _walk(child, built=built)


def _text(value: Mapping[Any, strict_yaml.Node], name: str) -> str:
    found = value[name].value if name in value else ""
    return found if isinstance(found, str) else ""


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
