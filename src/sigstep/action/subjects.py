"""The one way in which the inputs name subjects, as actions/attest takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sigstep.action.inputs import Inputs
from sigstep.action.runner import Runner
from sigstep.errors import UsageError
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.oci.reference import Reference, parse_reference
from sigstep.ports.families import SubjectSource
from sigstep.ports.world import World
from sigstep.subjects.artifacts_list import DeclaredSubjects, declaration
from sigstep.subjects.checksums import ChecksumSubjects
from sigstep.subjects.digest import DigestSubject
from sigstep.subjects.files import FileSubjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Subjects that were resolved already, so that each file is read once."""

    subjects: tuple[Subject, ...]

    def resolve(self, world: World) -> Sequence[Subject]:  # noqa: ARG002 - the family's signature
        """See `SubjectSource.resolve`."""
        return self.subjects


def subjects_of(inputs: Inputs, world: World) -> Resolved:
    """The subjects; one that is named twice alike is one.

    Raises:
        UsageError: ``input-subjects-conflict``, ``input-subject-name``.
        SigstepError: nothing matches, or something named cannot be read.
    """
    found = _source(inputs, world).resolve(world)
    unique = {(one.name, one.digests): one for one in found}
    return Resolved(subjects=tuple(unique.values()))


def image_of(subjects: Sequence[Subject]) -> Reference:
    """The image that the attestation is pushed to: `subject-name` in lower case, without tag and digest.

    Raises:
        UsageError: ``input-push``: there is not exactly one subject with a sha256.
    """
    if len(subjects) != 1 or subjects[0].digest(Algorithm.SHA256) is None:
        raise UsageError(
            code="input-push",
            what=f"push-to-registry needs exactly one subject, by its sha256; there are {len(subjects)}",
            why="an attestation is attached to one image",
            fix="give subject-name and subject-digest of the image",
        )
    return parse_reference(_bare(subjects[0].name))


def declare(subjects: Sequence[Subject], world: World) -> None:
    """Tell the runner what was attested (`GITHUB_ARTIFACTS`), where it wants to know."""
    if world.environ.get("GITHUB_ARTIFACTS"):
        Runner(world=world).append("GITHUB_ARTIFACTS", declaration(subjects))


def _source(inputs: Inputs, world: World) -> SubjectSource:
    patterns, digest, checksums = (
        tuple(_at_home(one, world) for one in inputs.entries("subject-path")),
        inputs.text("subject-digest"),
        inputs.text("subject-checksums"),
    )
    name = inputs.text("subject-name")
    if sum(map(bool, (patterns, digest, checksums))) > 1:
        raise UsageError(
            code="input-subjects-conflict",
            what="subjects are named in several ways",
            why="subject-path, subject-digest and subject-checksums exclude one another",
            fix="keep one of them",
        )
    if digest:
        if not name:
            raise UsageError(
                code="input-subject-name",
                what="subject-digest is given without subject-name",
                why="a statement names what it is about",
                fix="add `subject-name:`, for an image its name without tag",
            )
        return DigestSubject(
            digest=str(Digest.parse(digest)), name=_bare(name) if inputs.flag("push-to-registry") else name
        )
    if checksums:
        path = Path(checksums.splitlines()[0])
        inline = "\n" in checksums or (" " in checksums and not path.exists())
        return (
            ChecksumSubjects(path=Path("subject-checksums"), text=checksums) if inline else ChecksumSubjects(path=path)
        )
    listed = world.environ.get("GITHUB_ARTIFACTS_LIST")
    if not patterns and listed:
        return DeclaredSubjects(path=Path(listed))
    base = inputs.text("subject-base")
    return FileSubjects(patterns=patterns, name_base=Path(base) if base else None, name=name, descend=True)


def _at_home(pattern: str, world: World) -> str:
    home = world.environ.get("HOME")
    return f"{home}{pattern[1:]}" if home and pattern.startswith("~/") else pattern


def _bare(name: str) -> str:
    """An image's name in lower case without tag and digest, as actions/attest pushes it."""
    lower = name.lower().partition("@")[0]
    folder, slash, last = lower.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"
