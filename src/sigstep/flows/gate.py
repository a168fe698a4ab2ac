"""The policy of a gate: taken from where what it judges cannot change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import quote

from sigstep.errors import Refusal, SigstepError, UsageError
from sigstep.flows.lockfiles import Git
from sigstep.flows.policies import OpenedPolicy, open_policy
from sigstep.model import limits
from sigstep.model.verdict import Finding
from sigstep.oidc.missing import github_event
from sigstep.ports.world import World
from sigstep.services.github import GitHub, github_of

_FOR_OTHERS: Final = frozenset({"workflow_run", "issue_comment"})
_FILES: Final = 200  # beside a policy: keys, recall lists, trusted roots


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Which policy judges.

    Attributes:
        path: of the policy file in the repository, with ``/``.
        ref: a protected ref or a commit to take it from; by default the base commit of a pull request, the commit of
            the default branch for ``workflow_run`` and ``issue_comment``, and elsewhere the workspace.
        digest: the sha256 that the file has to have, or empty.
        workspace: the folder of the checkout.
        github: to fetch a commit that the checkout does not have.
    """

    path: str
    ref: str = ""
    digest: str = ""
    workspace: Path = Path()
    github: GitHub = field(default_factory=GitHub)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """The policy, where it is from, for people, and what a pull request does to it."""

    opened: OpenedPolicy
    source: str
    findings: tuple[Finding, ...] = ()


def gate_of(
    world: World, path: str, *, ref: str = "", digest: str = "", workspace: Path | None = None, token: str = ""
) -> Gate:
    """The gate of a step."""
    return Gate(path=path, ref=ref, digest=digest, workspace=workspace or Path(), github=github_of(world, token=token))


def guarded_policy(gate: Gate, world: World, folder: Path) -> Guarded:
    """Open the policy that judges.

    Args:
        gate: where it is.
        folder: an empty one of our own, into which the policy of a commit is put with what is beside it; it has to stay
            as long as the policy is used, whose recall list and trusted roots are read later.

    Raises:
        UsageError: ``policy-base-missing``: the commit is neither in the checkout nor at GitHub; ``policy-unreadable``;
            ``policy-path``: not a path below the workspace.
        Refusal: ``policy-digest-mismatch``.
        FormatError: the file or a key is not what it should be.
    """
    commit = gate.ref or base_commit(world) or _default_commit(world)
    where = _path(gate.path)
    if not commit:
        opened = open_policy(gate.workspace / where)
        _check_digest(opened, gate)
        return Guarded(opened=opened, source=f"{where} of the checkout", findings=_uncovered(opened, gate))
    files = _files_at(commit, where, gate, world)
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    opened = open_policy(folder / where.name)
    _check_digest(opened, gate)
    return Guarded(
        opened=opened,
        source=f"{where} at {commit}",
        findings=(*_changed(gate.workspace / where, files[where.name], commit), *_uncovered(opened, gate)),
    )


def base_commit(world: World) -> str:
    """The commit that a pull request or merge group is to be merged into; empty elsewhere."""
    event = github_event(world)
    if world.environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request"):
        pull = event.get("pull_request")
        base = pull.get("base") if isinstance(pull, dict) else None
        sha = base.get("sha") if isinstance(base, dict) else None
        if not isinstance(sha, str) or not sha:
            raise _no_base("the base commit", "the event does not say which it is")
        return sha
    if world.environ.get("GITHUB_EVENT_NAME") == "merge_group":
        group = event.get("merge_group")
        sha = group.get("base_sha") if isinstance(group, dict) else None
        if not isinstance(sha, str) or not sha:
            raise _no_base("the base commit", "the event does not say which it is")
        return sha
    return ""


def _default_commit(world: World) -> str:
    """The commit of the default branch that a job runs for although what it checks out may be a stranger's: of
    ``workflow_run`` and ``issue_comment`` (GitHub documentation, events that trigger workflows); empty elsewhere."""
    if world.environ.get("GITHUB_EVENT_NAME") not in _FOR_OTHERS:
        return ""
    commit = world.environ.get("GITHUB_SHA", "")
    if not commit:
        raise _no_base("the commit of the default branch", "GITHUB_SHA is empty")
    return commit


def _path(text: str) -> PurePosixPath:
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise UsageError(
            code="policy-path",
            what=f"{text[:100]!r} is no path below the workspace",
            why="the policy is taken from a commit of the repository",
            fix="write the path as in the repository, e.g. .github/sigstep.yml",
        )
    return path


def _files_at(commit: str, where: PurePosixPath, gate: Gate, world: World) -> Mapping[str, bytes]:
    """The policy and what is beside it at a commit, by their path relative to its folder."""
    try:
        return _from_git(commit, where, gate, world)
    except SigstepError as error:
        here = error.why or error.what
    try:
        return _from_github(commit, where, gate, world)
    except SigstepError as error:
        raise _no_base(f"{where} at {commit}", f"the checkout: {here}; GitHub: {error.what}") from error


def _from_git(commit: str, where: PurePosixPath, gate: Gate, world: World) -> Mapping[str, bytes]:
    git = Git(folder=gate.workspace, world=world)
    listed = git.files(git.resolve(_remote(commit)))
    folder = "" if str(where.parent) == "." else f"{where.parent}/"
    beside = {
        path.removeprefix(folder): oid
        for path, (oid, size) in listed.items()
        if path.startswith(folder) and size <= limits.POLICY_BYTES
    }
    if where.name not in beside:
        raise _no_base(str(where), "there is no such file")
    kept = {where.name: beside[where.name], **dict(list(beside.items())[:_FILES])}
    return dict(zip(kept, git.read(list(kept.values())), strict=True))


def _remote(commit: str) -> str:
    """A branch as a checkout knows it: the server's, never the local one that earlier steps can move."""
    branch = commit.removeprefix("refs/heads/")
    return commit if branch == commit else f"refs/remotes/origin/{branch}"


def _from_github(commit: str, where: PurePosixPath, gate: Gate, world: World) -> Mapping[str, bytes]:
    repository = world.environ.get("GITHUB_REPOSITORY", "")
    folder = "" if str(where.parent) == "." else quote(str(where.parent))
    base = f"repos/{repository}/contents"
    pages = gate.github.pages(
        f"{base}/{folder}?ref={quote(commit, safe='')}", world, at_most=1, permission="contents: read"
    )
    listed = [one for page in pages for one in page.get("items", ()) if isinstance(one, dict)]
    names = [
        str(one["name"])
        for one in listed
        if one.get("type") == "file" and isinstance(one.get("name"), str) and "/" not in one["name"]
        and isinstance(one.get("size"), int) and one["size"] <= limits.POLICY_BYTES
    ]  # fmt: skip
    if where.name not in names:
        raise _no_base(str(where), "there is no such file")
    prefix = f"{base}/{folder}/" if folder else f"{base}/"
    return {
        name: gate.github.call(
            "GET",
            f"{prefix}{quote(name)}?ref={quote(commit, safe='')}",
            world,
            accept="application/vnd.github.raw+json",
        ).body
        for name in dict.fromkeys((where.name, *names[:_FILES]))
    }


def _check_digest(opened: OpenedPolicy, gate: Gate) -> None:
    wanted = gate.digest.strip().lower().removeprefix("sha256:")
    if wanted and wanted != opened.policy.digest.hex:
        raise Refusal(
            code="policy-digest-mismatch",
            what="the policy is not the one that the step names",
            why=f"it has {opened.policy.digest}, wanted is sha256:{wanted[:64]}",
            fix="look at what changed in the policy, then change policy-digest",
        )


def _uncovered(opened: OpenedPolicy, gate: Gate) -> tuple[Finding, ...]:
    """A note where the digest that the step names leaves open what the policy says: files beside it decide too."""
    policy = opened.policy
    named = [one.key for one in policy.signers.values() if one.key and not one.key.startswith("-----BEGIN ")]
    named += [one.trusted_root or one.root for one in policy.trust.values()]
    named += [policy.recall_list.file] if policy.recall_list and policy.recall_list.protected else []
    if not gate.digest or not named:
        return ()
    return (
        Finding(
            code="policy-digest-partial",
            what="policy-digest says nothing of the files that the policy names",
            why=f"they are {', '.join(named)[:300]}",
            fix="write keys into the policy, sign the recall list, and protect trusted roots otherwise",
            step="policy",
        ),
    )


def _changed(path: Path, judged_by: bytes, commit: str) -> tuple[Finding, ...]:
    """A note where the checkout has another policy than the one that judges."""
    try:
        with path.open("rb") as file:  # of the change: it may be a link to what has no end
            here = file.read(len(judged_by) + 1)
    except OSError:
        here = b""
    if here == judged_by:
        return ()
    return (
        Finding(
            code="policy-changed",
            what="this change also changes the policy; the policy from before it is the one that judged",
            why=f"{path.name} differs from {commit[:40]}",
            fix="let somebody who owns the policy review it",
            step="policy",
        ),
    )


def _no_base(what: str, why: str) -> UsageError:
    return UsageError(
        code="policy-base-missing",
        what=f"the policy cannot be taken from before the change: {what}",
        why=why,
        fix="check out with `fetch-depth: 0`, or give the step `contents: read` and github-token",
    )
