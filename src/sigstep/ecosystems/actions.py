"""GitHub Actions and reusable workflows: the pinned commit, its tag and branch, and release attestations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from sigstep.model import limits
from sigstep.model.dependency import EvidenceState, Locked, PackageEvidence
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.release import is_release, released
from sigstep.services.attested import Attested, listed_at_forge, of_repository, prove, publishers_of
from sigstep.services.registry import Ask, object_of
from sigstep.wire.github import is_slug

BRANCHES: Final = 10  # compared with the commit; what is on none of more is not decided
_PAGE: Final = 100
_WHOLE: Final = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+(?:[-+].*)?")
_INSIDE: Final = frozenset({"behind", "identical"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tag:
    """A tag: the object it names, and the commit behind it."""

    object: str = ""
    commit: str = ""


def evidence(locked: Locked, ask: Ask) -> PackageEvidence:
    """What GitHub says about a pinned action, and what its release attestation proves.

    Args:
        locked: the action; its name is ``owner/repository[/path]``.
        ask: GitHub's API.

    Raises:
        ServiceError: GitHub cannot be asked.
        FormatError: an answer is malformed.
    """
    slug = "/".join(locked.name.split("/")[:2])
    if not is_slug(slug):
        return PackageEvidence(state=EvidenceState.ERROR, why="its name is no repository's")
    base = f"{ask.forge}/repos/{slug}"
    repository = object_of(ask.json(base, at_most=limits.REGISTRY_ATTESTATION_BYTES))
    if not repository:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="GitHub shows no such repository")
    tag = _tag(base, locked.ref, ask)
    commit = locked.commit or tag.commit
    if not commit:
        return PackageEvidence(state=EvidenceState.ABSENT, files=1, notes=("it follows a branch",))
    problems = [*_ids(locked, repository), *_moved(locked, tag)]
    place = _reachable(base, commit, str(repository.get("default_branch", "")), tag, ask) if locked.commit else "branch"
    if place == "nowhere":
        what = "the commit is on no branch and no tag of the repository"
        problems.append(Finding(code="impostor-commit", what=what, why="it may come from a fork"))
    if place == "tag":
        problems.append(Finding(code="commit-off-branch", what="the commit is on no branch, only behind a tag"))
    about = PackageEvidence(
        state=EvidenceState.ABSENT,
        files=1,
        problems=tuple(problems),
        notes=("whether the commit is on a branch could not be told: there are too many",) if place == "many" else (),
    )
    if not tag.object or tag.commit != commit:
        return about
    attested, note = _released(slug, repository, locked, tag, ask)
    found = attested.onto(about, publishers_of(attested.verified), "release attestation")
    return replace(found, notes=(*found.notes, note)) if attested.verified and note else found


def _released(slug: str, repository: Mapping[str, Any], locked: Locked, tag: _Tag, ask: Ask) -> tuple[Attested, str]:
    """The attestation of the immutable release behind a tag: GitHub names the tag's object, or the commit itself."""

    def about_this(verified: Verified) -> bool:
        same_id = released(verified, "repositoryId") == str(repository.get("id"))
        same_tag = released(verified, "tag") == locked.ref
        return is_release(verified) and of_repository(verified, slug) and same_id and same_tag

    documents = listed_at_forge(ask, slug, f"sha1:{tag.object}", "release")
    subject = Subject(name=slug, digests=(), location=locked.label, commit=tag.object)
    attested = prove(documents, subject, ask, check=about_this)
    annotated = tag.object != tag.commit
    note = "attested is the annotated tag; that it stands for this commit is GitHub's word" if annotated else ""
    return attested, note


def _tag(base: str, ref: str, ask: Ask) -> _Tag:
    """What a ref names where it is a tag; an annotated tag is peeled once (Git has no deeper ones in practice)."""
    if not ref:
        return _Tag()
    found = object_of(ask.json(f"{base}/git/ref/tags/{quote(ref, safe='')}", at_most=limits.REGISTRY_ATTESTATION_BYTES))
    target = object_of(found.get("object"))
    sha = str(target.get("sha", ""))
    if target.get("type") != "tag":
        return _Tag(object=sha, commit=sha)
    peeled = object_of(ask.json(f"{base}/git/tags/{quote(sha, safe='')}", at_most=limits.REGISTRY_ATTESTATION_BYTES))
    return _Tag(object=sha, commit=str(object_of(peeled.get("object")).get("sha", "")))


def _reachable(base: str, commit: str, default: str, tag: _Tag, ask: Ask) -> str:
    """``branch``, ``tag``, ``nowhere``, or ``many`` where there are too many branches to tell.

    A fork's commits can be asked for at the repository they were forked from, so that its being there proves nothing.
    """
    if _inside(base, default, commit, ask):
        return "branch"
    answer = ask.json(f"{base}/branches?per_page={_PAGE}", at_most=limits.REGISTRY_METADATA_BYTES)
    listed = [object_of(one) for one in answer] if isinstance(answer, list) else []
    if any(object_of(one.get("commit")).get("sha") == commit for one in listed):
        return "branch"
    names = [str(one.get("name", "")) for one in listed if one.get("name") != default]
    if any(_inside(base, name, commit, ask) for name in names[:BRANCHES]):
        return "branch"
    if tag.commit == commit:
        return "tag"
    answer = ask.json(f"{base}/tags?per_page={_PAGE}", at_most=limits.REGISTRY_METADATA_BYTES)
    tags = [object_of(one) for one in answer] if isinstance(answer, list) else []
    if any(object_of(one.get("commit")).get("sha") == commit for one in tags):
        return "tag"
    return "many" if len(names) > BRANCHES or len(tags) >= _PAGE else "nowhere"


def _inside(base: str, branch: str, commit: str, ask: Ask) -> bool:
    if not branch:
        return False
    url = f"{base}/compare/{quote(branch, safe='')}...{commit}?page=2&per_page=1"  # later pages carry no files
    return object_of(ask.json(url, at_most=limits.REGISTRY_METADATA_BYTES)).get("status") in _INSIDE


def _ids(locked: Locked, repository: Mapping[str, Any]) -> list[Finding]:
    said = (
        (locked.repository_id, repository.get("id"), "repository"),
        (locked.owner_id, object_of(repository.get("owner")).get("id"), "owner"),
    )
    return [
        Finding(code="repo-id-changed", what=f"the {name}'s id is not the locked one", why=f"{wanted} and {found}")
        for wanted, found, name in said
        if wanted and found is not None and wanted != str(found)
    ]


def _moved(locked: Locked, tag: _Tag) -> list[Finding]:
    if not locked.commit or not tag.commit or tag.commit == locked.commit or not _WHOLE.fullmatch(locked.ref):
        return []
    what = f"the tag {locked.ref} does not stand for the pinned commit"
    return [Finding(code="ref-moved", what=what, why=f"it stands for {tag.commit}")]
