"""Subjects that earlier steps of the job declared: the runner's ``GITHUB_ARTIFACTS_LIST`` (actions/runner 2.336)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sigstep.errors import FormatError, NothingToExamine
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.ports.world import World
from sigstep.subjects.hashing import unreadable
from sigstep.wire import strict_json

_LIST_BYTES: Final = 1024 * 1024  # the runner's own bound on what steps write
_SUBJECTS: Final = 500  # of one job
_KINDS: Final = frozenset({"file", "oci"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredSubjects:
    """What the runner's list names; the runner computed the digests of files."""

    path: Path

    def resolve(self, world: World) -> Sequence[Subject]:  # noqa: ARG002 - the family's signature
        """See `SubjectSource.resolve`.

        Raises:
            NothingToExamine: ``no-subject``: the list is empty, as it is where the runner's feature is off.
            FormatError: ``artifacts-list``: it is not version 1 of the runner's list.
            Undecided: ``subject-unreadable``.
        """
        try:
            with self.path.open("rb") as file:
                data = file.read(_LIST_BYTES + 1)
        except OSError as error:
            raise unreadable(self.path, error) from None
        value = strict_json.loads(data, at_most=_LIST_BYTES, name="artifacts list") if data.strip() else {}
        if value and (not isinstance(value, dict) or value.get("version") != 1):
            raise _malformed("it is not version 1")
        found = tuple(dict.fromkeys(_entry(one) for one in _entries(value)))
        if not found:
            raise NothingToExamine(
                code="no-subject",
                what="no subject is named, and no earlier step declared one",
                why="GITHUB_ARTIFACTS_LIST is empty",
                fix="give subject-path, subject-digest or subject-checksums",
            )
        return tuple(Subject(name=name, digests=(digest,), location=str(digest)) for name, digest in found)


def declaration(subjects: Iterable[Subject]) -> str:
    """The lines that declare subjects to later steps: the path of a file, or ``oci://name@digest`` for an image.

    Empty where one of them cannot be written so, or where two base names collide: a bad line fails the step.
    """
    lines: dict[str, str] = {}
    for subject in subjects:
        path = Path(subject.location)
        base = path.name if path.is_file() else subject.name
        line = str(path) if path.is_file() else f"oci://{subject.name}@{subject.digests[0]}"
        bad = not base or any(char in line for char in "\n\r=#") or not line.isprintable()
        if bad or lines.setdefault(base, line) != line:
            return ""
    return "".join(f"{line}\n" for line in lines.values()) if len(lines) <= _SUBJECTS else ""


def _entries(value: Any) -> list[Any]:
    listed = value.get("subjects", []) if isinstance(value, dict) else None
    if not isinstance(listed, list) or len(listed) > _SUBJECTS:
        raise _malformed(f"subjects is not an array of at most {_SUBJECTS}")
    return listed


def _entry(one: Any) -> tuple[str, Digest]:
    if not isinstance(one, dict) or one.get("kind") not in _KINDS:
        raise _malformed("a subject is neither a file nor an image")
    name, digest = one.get("name"), one.get("digest")
    if not isinstance(name, str) or not name or not isinstance(digest, str):
        raise _malformed("a subject lacks name or digest")
    return name, Digest.parse(digest)


def _malformed(why: str) -> FormatError:
    return FormatError(
        code="artifacts-list",
        what="the runner's list of artifacts cannot be read",
        why=why,
        fix="name the subjects by subject-path, subject-digest or subject-checksums",
    )
