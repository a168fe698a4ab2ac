"""Who published a version, read from its certificate, and how two publishers differ. Ids first, names second."""

from __future__ import annotations

from typing import Final

from sigstep.model.dependency import Publisher
from sigstep.model.identity import Identity

RISKY_TRIGGERS: Final = frozenset({"pull_request_target", "workflow_run", "issue_comment"})
_GITHUB: Final = "https://github.com/"


def publisher_of(identity: Identity) -> Publisher:
    """The publisher that a certificate names (Fulcio, OID information; the first seven arcs where newer are absent)."""
    said = identity.extensions
    repository = said.get("source-repository", "")
    if not repository and "github-workflow-repository" in said:
        repository = _GITHUB + said["github-workflow-repository"]
    return Publisher(
        issuer=identity.issuer or "",
        subject=identity.subject,
        repository=repository_address(repository),
        repository_id=said.get("source-repository-id", ""),
        owner_id=said.get("source-repository-owner-id", ""),
        workflow=_without_ref(said.get("build-config-uri", identity.subject)),
        builder=_without_ref(said.get("build-signer-uri", identity.subject)),
        ref=said.get("source-repository-ref", said.get("github-workflow-ref", "")),
        trigger=said.get("build-trigger", said.get("github-workflow-trigger", "")),
        runner=said.get("runner-environment", ""),
        run=said.get("run-invocation-uri", ""),
        environment=said.get("deployment-environment", ""),
        commit=said.get("source-repository-digest", said.get("github-workflow-sha", "")),
    )


def repository_address(text: str) -> str:
    """A repository's address in one spelling: https, lower case, without ``git+``, ``.git`` and a trailing slash."""
    address = text.strip().lower().removeprefix("git+").split("#")[0].split("?")[0].rstrip("/").removesuffix(".git")
    for prefix in ("ssh://git@", "git://", "http://", "https://", "git@"):
        if address.startswith(prefix):
            address = address.removeprefix(prefix).replace(":", "/", 1) if prefix == "git@" else address[len(prefix) :]
            break
    return f"https://{address}" if address else ""


def differences(old: Publisher, new: Publisher) -> tuple[tuple[str, str], ...]:
    """Rules that fire between the publisher of the replaced version and that of the new one, worst first.

    Each is the rule's id and a sentence with the old and the new value.
    """
    changed = _who(old, new)
    if changed:
        return (changed,)
    found: list[tuple[str, str]] = []
    if old.owner_id and new.owner_id and old.owner_id != new.owner_id:
        found.append(("owner-transferred", f"the owner's id was {old.owner_id}, now it is {new.owner_id}"))
    if old.repository != new.repository:
        found.append(("renamed", f"{old.repository} is now called {new.repository} (the same id)"))
    found.extend(_how(old, new))
    return tuple(found)


def _who(old: Publisher, new: Publisher) -> tuple[str, str] | None:
    rule = "publisher-changed"
    if old.issuer != new.issuer:
        return rule, f"the issuer was {old.issuer}, now it is {new.issuer}"
    if old.repository_id and new.repository_id:
        if old.repository_id != new.repository_id:
            was, now = f"{old.repository} (id {old.repository_id})", f"{new.repository} (id {new.repository_id})"
            return rule, f"the repository was {was}, now it is {now}"
        return None
    if old.repository != new.repository:
        return rule, f"the repository was {old.repository or 'none'}, now it is {new.repository or 'none'}; ids unknown"
    if not new.repository and old.subject != new.subject:
        return rule, f"the signer was {old.subject}, now it is {new.subject}"
    return None


def _how(old: Publisher, new: Publisher) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    was, now = _inside(old.workflow, old), _inside(new.workflow, new)
    reused, plain = old.builder != old.workflow, new.builder == new.workflow
    if reused and plain:
        found.append(("builder-weakened", f"it was built by {old.builder}, now by the project's own {now}"))
    if was != now:
        found.append(("workflow-changed", f"the workflow was {was}, now it is {now}"))
    if old.environment and not new.environment:
        found.append(("environment-lost", f"it was published from the environment {old.environment}, now from none"))
    if old.runner == "github-hosted" and new.runner == "self-hosted":
        found.append(("self-hosted-runner", "it was built on a hosted runner, now on a self-hosted one"))
    if new.trigger in RISKY_TRIGGERS and old.trigger != new.trigger:
        found.append(("risky-trigger", f"it was built by {new.trigger}; before by {old.trigger or 'an unknown event'}"))
    if old.ref.startswith("refs/tags/") and new.ref.startswith("refs/heads/"):
        found.append(("ref-kind-changed", f"it was built from a tag, now from the branch {new.ref[11:]}"))
    return found


def _inside(workflow: str, publisher: Publisher) -> str:
    """A workflow's path in its repository, so that a rename is no change of the workflow."""
    if publisher.repository and workflow.lower().startswith(publisher.repository + "/"):
        return workflow[len(publisher.repository) + 1 :]
    return workflow


def _without_ref(uri: str) -> str:
    head, at, ref = uri.rpartition("@")
    return head if (at and ref.startswith("refs/")) or (at and "/" in head) else uri
