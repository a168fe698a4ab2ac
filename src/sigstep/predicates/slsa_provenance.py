"""SLSA provenance: v1 made from verified OIDC claims, v1 and v0.2 read (slsa.dev/spec/v1.0/provenance)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any, Final

from sigstep.errors import TokenError
from sigstep.wire.fields import malformed, objects, optional, required

V1: Final = "https://slsa.dev/provenance/v1"
V02: Final = "https://slsa.dev/provenance/v0.2"
BUILD_TYPE: Final = "https://actions.github.io/buildtypes/workflow/v1"
CLAIMS: Final = (
    "ref",
    "sha",
    "repository",
    "event_name",
    "job_workflow_ref",
    "workflow_ref",
    "repository_id",
    "repository_owner_id",
    "runner_environment",
    "run_id",
    "run_attempt",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What may be added to the fields of actions/attest; each is left out unless it is given.

    Attributes:
        started, finished: when the build ran (aware).
        inputs: workflow inputs; only those named in ``allowed_inputs`` are written, for they become public.
        dependencies: ResourceDescriptors of what the build took, after the source itself.
    """

    started: datetime | None = None
    finished: datetime | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    allowed_inputs: tuple[str, ...] = ()
    dependencies: Sequence[Mapping[str, Any]] = ()


NOTHING_MORE: Final = Extras()


def from_claims(claims: Mapping[str, Any], *, server_url: str, extras: Extras = NOTHING_MORE) -> dict[str, Any]:
    """The predicate of a GitHub Actions build, with the fields that actions/attest writes.

    Args:
        claims: claims of a token of GitHub's issuer that has been verified by the caller.
        server_url: GitHub's address (``GITHUB_SERVER_URL``).
        extras: what to add.

    Raises:
        TokenError: ``provenance-claim-missing``.
    """
    said = {name: _claim(claims, name) for name in CLAIMS}
    server = server_url.rstrip("/")
    source = f"{server}/{said['repository']}"
    path, _, _ = said["workflow_ref"].replace(f"{said['repository']}/", "", 1).partition("@")
    external: dict[str, Any] = {"workflow": {"ref": said["ref"], "repository": source, "path": path}}
    inputs = {name: extras.inputs[name] for name in extras.allowed_inputs if name in extras.inputs}
    if inputs:
        external["inputs"] = inputs
    metadata = {"invocationId": f"{source}/actions/runs/{said['run_id']}/attempts/{said['run_attempt']}"}
    if extras.started is not None:
        metadata["startedOn"] = _rfc3339(extras.started)
    if extras.finished is not None:
        metadata["finishedOn"] = _rfc3339(extras.finished)
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": {
                "github": {
                    "event_name": said["event_name"],
                    "repository_id": said["repository_id"],
                    "repository_owner_id": said["repository_owner_id"],
                    "runner_environment": said["runner_environment"],
                }
            },
            "resolvedDependencies": [
                {"uri": f"git+{source}@{said['ref']}", "digest": {"gitCommit": said["sha"]}},
                *(dict(one) for one in extras.dependencies),
            ],
        },
        "runDetails": {"builder": {"id": f"{server}/{said['job_workflow_ref']}"}, "metadata": metadata},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What both versions of provenance say, under one name each; absent members are empty.

    Attributes:
        builder_id, build_type, invocation_id: as written.
        source_uri: URI of the source (``git+https://…@ref``).
        source_commit: hexadecimal commit of the source.
        branch, tag: names without ``refs/…``, where it says on which the build ran or was released from.
        inputs: inputs of the workflow.
        started, finished: RFC 3339 as written.
        dependencies: number of resolved dependencies or materials.
    """

    builder_id: str
    build_type: str
    source_uri: str
    source_commit: str
    branch: str
    tag: str
    inputs: Mapping[str, Any]
    invocation_id: str
    started: str
    finished: str
    dependencies: int


def read(uri: str, predicate: Mapping[str, Any]) -> Build:
    """Read v1 or v0.2, also as slsa-github-generator (v1, v2, BYOB, container-based, Maven, Gradle) writes them.

    Raises:
        FormatError: ``predicate-malformed``.
    """
    return _read_v02(predicate) if uri == V02 else _read_v1(predicate)


class SlsaProvenance:
    """The kind of SLSA provenance (`sigstep.ports.predicate.PredicateKind`)."""

    name: str = "provenance"
    uris: tuple[str, ...] = (V1, V02)
    aliases: Mapping[str, str] = MappingProxyType(
        {"provenance": V1, "slsaprovenance": V02, "slsaprovenance02": V02, "slsaprovenance1": V1}
    )

    def check(self, uri: str, predicate: Mapping[str, Any]) -> None:
        """Refuse a predicate without the members that its version requires.

        Raises:
            FormatError: ``predicate-malformed``.
        """
        read(uri, predicate)

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:
        """The build as a short story."""
        build = read(uri, predicate)
        lines = [f"built by {build.builder_id}"]
        if build.source_uri:
            commit = f" at commit {build.source_commit}" if build.source_commit else ""
            lines.append(f"from {build.source_uri}{commit}")
        lines.append(f"as {build.build_type}")
        lines += [f"with input {name} = {value!r}" for name, value in build.inputs.items()]
        if build.invocation_id:
            lines.append(f"in run {build.invocation_id}")
        if build.started or build.finished:
            lines.append(f"from {build.started or '?'} to {build.finished or '?'}")
        lines.append(f"with {build.dependencies} recorded dependencies")
        return tuple(lines)


def _read_v1(predicate: Mapping[str, Any]) -> Build:
    external = required(predicate, "buildDefinition.externalParameters", dict)
    dependencies = objects(predicate, "buildDefinition.resolvedDependencies")
    named = _source(external)
    source = next((one for one in dependencies if named and one.get("uri") == named), None)
    if source is None and dependencies:
        source = dependencies[0]
    source_uri = named or (optional(source, "uri", str) or "" if source else "")
    internal = optional(predicate, "buildDefinition.internalParameters", dict) or {}
    branch, tag = _branch_and_tag(source_uri, {name.lower(): value for name, value in internal.items()})
    metadata = "runDetails.metadata"
    invocation = optional(predicate, f"{metadata}.invocationId", str)
    return Build(
        builder_id=required(predicate, "runDetails.builder.id", str),
        build_type=required(predicate, "buildDefinition.buildType", str),
        source_uri=source_uri,
        source_commit=_commit(source) if source else "",
        branch=branch,
        tag=tag,
        inputs=optional(external, "inputs", dict) or {},
        invocation_id=invocation or optional(predicate, f"{metadata}.invocationID", str) or "",
        started=optional(predicate, f"{metadata}.startedOn", str) or "",
        finished=optional(predicate, f"{metadata}.finishedOn", str) or "",
        dependencies=len(dependencies),
    )


def _read_v02(predicate: Mapping[str, Any]) -> Build:
    config = optional(predicate, "invocation.configSource", dict) or {}
    source_uri = optional(config, "uri", str) or ""
    environment = optional(predicate, "invocation.environment", dict) or {}
    branch, tag = _branch_and_tag(source_uri, {name.lower(): value for name, value in environment.items()})
    metadata = "metadata"
    invocation = optional(predicate, f"{metadata}.buildInvocationId", str)
    return Build(
        builder_id=required(predicate, "builder.id", str),
        build_type=required(predicate, "buildType", str),
        source_uri=source_uri,
        source_commit=_commit(config),
        branch=branch,
        tag=tag,
        inputs=optional(predicate, "invocation.parameters.event_inputs", dict) or {},
        invocation_id=invocation or optional(predicate, f"{metadata}.buildInvocationID", str) or "",
        started=optional(predicate, f"{metadata}.buildStartedOn", str) or "",
        finished=optional(predicate, f"{metadata}.buildFinishedOn", str) or "",
        dependencies=len(objects(predicate, "materials")),
    )


def _source(external: Mapping[str, Any]) -> str:
    """URI of the source: ``workflow`` of GitHub's build type, ``source`` of the generators' (text or descriptor)."""
    workflow = external.get("workflow")
    if isinstance(workflow, dict):
        repository = optional(workflow, "repository", str)
        ref = optional(workflow, "ref", str)
        return f"git+{repository}@{ref}" if repository and ref else ""
    source = external.get("source")
    if isinstance(source, dict):
        return optional(source, "uri", str) or ""
    return source if isinstance(source, str) else ""


def _branch_and_tag(source_uri: str, environment: Mapping[str, Any]) -> tuple[str, str]:
    """Branch and tag of the build, as slsa-verifier takes them: the ref; for a tag, the branch it was made on.

    ``environment`` is GitHub's, as slsa-github-generator records it, names in lower case.
    """
    ref = environment.get("github_ref") or source_uri.rpartition("@")[2]
    if not isinstance(ref, str):
        raise malformed("github_ref is not text")
    if ref.startswith("refs/heads/"):
        return ref.removeprefix("refs/heads/"), ""
    if not ref.startswith("refs/tags/"):
        return "", ""
    event = environment.get("github_event_payload")
    event = event if isinstance(event, dict) else {}
    branch = optional(event, "base_ref", str) or optional(event, "release.target_commitish", str) or ""
    return branch.removeprefix("refs/heads/"), ref.removeprefix("refs/tags/")


def _commit(descriptor: Mapping[str, Any]) -> str:
    digest = optional(descriptor, "digest", dict) or {}
    return next((str(digest[name]).lower() for name in ("gitCommit", "sha1") if name in digest), "")


def _claim(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise TokenError(
            code="provenance-claim-missing",
            what="provenance cannot be made from this token",
            why=f"its claim {name} is missing or not text",
            fix="run in a GitHub Actions job with `permissions: {id-token: write}`, or give the predicate yourself",
        )
    return value


def _rfc3339(time: datetime) -> str:
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
