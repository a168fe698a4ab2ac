"""GitHub workflows and action files: ``uses:`` of steps and jobs, containers and services."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sigstep.ecosystems.readers.common import bounded, image, text_of
from sigstep.model import limits
from sigstep.model.dependency import Locked
from sigstep.wire import strict_yaml
from sigstep.wire.strict_yaml import Node

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_USES: Final = re.compile(r"(?P<name>[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+(?:/[^@\s]+)?)@(?P<ref>\S+)")
_COMMENT: Final = re.compile(r"\s#\s*(?:tag\s*=\s*|pin\s*@|ratchet:\S+@)?(?P<ref>v?[0-9][\w.+-]*)")


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every action, reusable workflow and image that a workflow or action file names; local ones are left out.

    The runner takes a backslash for a slash, and many of them for one.

    Raises:
        FormatError: it is no YAML, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    lines = text_of(data, path).splitlines()
    for document in strict_yaml.documents(data, at_most=limits.LOCKFILE_BYTES, name=path):
        top = _members(document)
        jobs = _members(top.get("jobs"))
        runs = _members(top.get("runs"))
        for job in (_members(one) for one in jobs.values()):
            yield from _uses(job.get("uses"), lines, path)
            yield from _steps(job.get("steps"), lines, path)
            container = job.get("container")
            yield from _image(_members(container).get("image", container), path)
            for service in _members(job.get("services")).values():
                yield from _image(_members(service).get("image", service), path)
        yield from _steps(runs.get("steps"), lines, path)
        yield from _image(runs.get("image"), path)


def _steps(node: Node | None, lines: list[str], path: str) -> Iterator[Locked]:
    for step in node.value if node is not None and isinstance(node.value, tuple) else ():
        yield from _uses(_members(step).get("uses"), lines, path)


def _uses(node: Node | None, lines: list[str], path: str) -> Iterator[Locked]:
    text = node.value if node is not None else None
    if node is None or not isinstance(text, str):
        return
    if text.startswith("docker://"):
        yield from _image(node, path)
    if text.startswith(("./", ".\\", "$/", "docker://")):
        return
    match = _USES.fullmatch(re.sub(r"[/\\]+", "/", text.partition("@")[0]).strip("/ ") + text[text.find("@") :].strip())
    if "@" not in text or match is None:  # the runner may make something of it
        yield Locked(
            ecosystem="githubactions",
            name=text[:255].lower(),
            version="",
            source=f"unreadable {text[:255]}",
            path=path,
            line=node.line,
        )
        return
    ref = match["ref"]
    pinned = bool(_COMMIT.fullmatch(ref))
    comment = _COMMENT.search(lines[node.line - 1]) if node.line <= len(lines) else None
    yield Locked(
        ecosystem="githubactions",
        name=match["name"].lower(),
        version=ref,
        path=path,
        line=node.line,
        ref=(comment["ref"] if comment else "") if pinned else ref,
        commit=ref if pinned else "",
    )


def _image(node: Node | None, path: str) -> Iterator[Locked]:
    text = node.value if node is not None else None
    if node is None or not isinstance(text, str) or text == "Dockerfile" or text.startswith(("./", "../")):
        return
    yield image(text.removeprefix("docker://"), path, node.line)


def _members(node: Node | None) -> Mapping[str, Node]:
    return node.value if node is not None and isinstance(node.value, Mapping) else {}
