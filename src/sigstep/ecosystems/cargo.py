"""Crates: no signatures, but the registry's word about the trusted publisher; GitHub's attestations where there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from sigstep.model import limits
from sigstep.model.dependency import EvidenceState, Locked, PackageEvidence, Publisher
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding
from sigstep.services.attested import listed_at_forge, of_repository, prove, publishers_of
from sigstep.services.registry import Ask, object_of
from sigstep.wire.github import is_slug
from sigstep.wire.members import time_or_none

_ISSUERS = {"github": "https://token.actions.githubusercontent.com", "gitlab": "https://gitlab.com"}
_HOSTS = {"github": "https://github.com/", "gitlab": "https://gitlab.com/"}


def evidence(locked: Locked, ask: Ask) -> PackageEvidence:
    """What the registry says about one version; unsigned, so that it is never called verified.

    Args:
        locked: the version.
        ask: the index, or by option the registry's API.

    Raises:
        ServiceError: the registry cannot be asked.
        FormatError: an answer is malformed.
    """
    api = _api(ask)
    if not api:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="the index names no API; give --registry cargo=URL")
    name = quote(locked.name, safe="")
    crate = object_of(ask.json(f"{api}/api/v1/crates/{name}", at_most=limits.REGISTRY_METADATA_BYTES))
    listed = crate.get("versions")
    versions = [object_of(one) for one in listed] if isinstance(listed, list) else []
    version = next((one for one in versions if one.get("num") == locked.version), None)
    if version is None:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="the registry does not have this version")
    if "trustpub_data" not in version:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="the registry does not tell who published")
    published = time_or_none(version.get("created_at"), "created_at")
    said = object_of(version.get("trustpub_data"))
    earlier = [
        one
        for one in versions
        if published is None or (time_or_none(one.get("created_at"), "created_at") or published) < published
    ]
    about = PackageEvidence(
        state=EvidenceState.ABSENT,
        files=1,
        problems=tuple(_problems(locked, version)),
        published=published,
        declared_repository=str(object_of(crate.get("crate")).get("repository") or ""),
        status="yanked" if version.get("yanked") else "",
        trusted_publisher=bool(said),
        history_attested=any(one.get("trustpub_data") for one in earlier),
        basis="registry's word",
    )
    if not said:
        return about
    publisher = _publisher(said)
    asserted = replace(about, state=EvidenceState.ASSERTED, publishers=(publisher,))
    return _attested(locked, version, str(said.get("repository", "")), asserted, ask)


def _attested(
    locked: Locked, version: Mapping[str, Any], slug: str, about: PackageEvidence, ask: Ask
) -> PackageEvidence:
    """The same, proved: some projects attest their crates at GitHub."""
    checksum = str(version.get("checksum", ""))
    if not ask.forge or not is_slug(slug) or len(checksum) != 64:
        return about
    digest = Digest.parse(f"sha256:{checksum}")
    subject = Subject(name=f"{locked.name}-{locked.version}.crate", digests=(digest,), location=locked.label)
    documents = listed_at_forge(ask, slug, str(digest))
    attested = prove(documents, subject, ask, check=lambda one: of_repository(one, slug))
    return attested.onto(about, publishers_of(attested.verified), "provenance")


def _api(ask: Ask) -> str:
    if ask.option:
        return ask.option
    if ask.registry.startswith(("https://", "http://")):
        config = object_of(ask.json(f"{ask.registry}/config.json", at_most=limits.POLICY_BYTES))
        return str(config.get("api") or "").rstrip("/")
    return ""


def _problems(locked: Locked, version: Mapping[str, Any]) -> list[Finding]:
    stated = {digest.hex for file in locked.files for digest in file.digests}
    checksum = str(version.get("checksum", ""))
    if not stated or not checksum or checksum in stated:
        return []
    return [Finding(code="digest-mismatch", what="the registry has another hash than the lockfile", why=checksum)]


def _publisher(said: Mapping[str, Any]) -> Publisher:
    provider = str(said.get("provider", ""))
    path = str(said.get("repository") or said.get("project_path") or "").lower()
    repository = f"{_HOSTS.get(provider, '')}{path}"
    run = f"{repository}/actions/runs/{said.get('run_id')}" if provider == "github" else ""
    return Publisher(issuer=_ISSUERS.get(provider, provider), subject=path, repository=repository, run=run)
