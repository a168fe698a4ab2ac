"""SLSA provenance: the fields of actions/attest, and every version read."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from sigstep.errors import FormatError, TokenError
from sigstep.predicates import slsa_provenance as slsa

SERVER = "https://github.example"


def claims(**changed: Any) -> dict[str, Any]:
    """Claims of a push."""
    return {
        "ref": "refs/heads/main",
        "sha": "a" * 40,
        "repository": "octo/app",
        "event_name": "push",
        "job_workflow_ref": "octo/app/.github/workflows/build.yml@refs/heads/main",
        "workflow_ref": "octo/app/.github/workflows/build.yml@refs/heads/main",
        "repository_id": "1",
        "repository_owner_id": "2",
        "runner_environment": "github-hosted",
        "run_id": "3",
        "run_attempt": "1",
        **changed,
    }


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"ref": "refs/tags/v1@2", "workflow_ref": "octo/app/.github/workflows/build.yml@refs/tags/v1@2"},
        {"event_name": "pull_request", "ref": "refs/pull/7/merge"},
        {"event_name": "workflow_dispatch"},
        {"job_workflow_ref": "octo/shared/.github/workflows/reusable.yml@refs/tags/v3"},
    ],
)
def test_predicate_of_each_event(changed: dict[str, Any]) -> None:
    """actions/attest, provenance: exactly these members, for push, tag, pull request, dispatch and reusable workflow."""
    given = claims(**changed)
    made = slsa.from_claims(given, server_url=SERVER)
    assert made == {
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {
                "workflow": {
                    "ref": given["ref"],
                    "repository": f"{SERVER}/octo/app",
                    "path": ".github/workflows/build.yml",
                }
            },
            "internalParameters": {
                "github": {
                    "event_name": given["event_name"],
                    "repository_id": "1",
                    "repository_owner_id": "2",
                    "runner_environment": "github-hosted",
                }
            },
            "resolvedDependencies": [
                {"uri": f"git+{SERVER}/octo/app@{given['ref']}", "digest": {"gitCommit": "a" * 40}}
            ],
        },
        "runDetails": {
            "builder": {"id": f"{SERVER}/{given['job_workflow_ref']}"},
            "metadata": {"invocationId": f"{SERVER}/octo/app/actions/runs/3/attempts/1"},
        },
    }


def test_extras_are_added_and_inputs_only_when_allowed() -> None:
    """Inputs become public, so that only the allowed ones are written."""
    time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    extras = slsa.Extras(
        started=time,
        finished=time,
        inputs={"level": "3", "token": "hidden"},
        allowed_inputs=("level", "absent"),
        dependencies=({"uri": "pkg:generic/x@1"},),
    )
    made = slsa.from_claims(claims(), server_url=SERVER + "/", extras=extras)
    build = slsa.read(slsa.V1, made)
    assert build.inputs == {"level": "3"}
    assert (build.started, build.finished) == ("2026-01-02T03:04:05Z",) * 2
    assert build.dependencies == 2
    assert build.source_commit == "a" * 40
    story = slsa.SlsaProvenance().describe(slsa.V1, made)
    assert story[0] == f"built by {SERVER}/octo/app/.github/workflows/build.yml@refs/heads/main"
    assert "with input level = '3'" in story


@pytest.mark.parametrize("name", slsa.CLAIMS)
@pytest.mark.parametrize("value", [None, "", 7])
def test_a_claim_is_missing(name: str, value: Any) -> None:
    """Every claim is text and there."""
    with pytest.raises(TokenError) as refused:
        slsa.from_claims(claims(**{name: value}), server_url=SERVER)
    assert refused.value.code == "provenance-claim-missing"


def test_v02_of_the_generator_is_read() -> None:
    """slsa-github-generator writes v0.2 with configSource, event_inputs and buildInvocationID."""
    build = slsa.read(
        slsa.V02,
        {
            "builder": {"id": "https://github.example/generator@refs/tags/v2.0.0"},
            "buildType": "https://github.example/generic@v1",
            "invocation": {
                "configSource": {
                    "uri": "git+https://github.example/octo/app@refs/tags/v1",
                    "digest": {"sha1": "B" * 40},
                },
                "parameters": {"event_inputs": {"release": "1"}},
            },
            "metadata": {"buildInvocationID": "3-1", "buildStartedOn": "x", "buildFinishedOn": "y"},
            "materials": [{"uri": "git+https://github.example/octo/app"}],
        },
    )
    assert build.source_commit == "b" * 40
    assert build.inputs == {"release": "1"}
    assert build.invocation_id == "3-1"
    assert build.dependencies == 1


@pytest.mark.parametrize("source", ["git+https://a.example/b@c", {"uri": "git+https://a.example/b@c"}])
def test_v1_of_other_builders_is_read(source: Any) -> None:
    """Container-based builders name the source as text or descriptor, and write invocationID."""
    build = slsa.read(
        slsa.V1,
        {
            "buildDefinition": {
                "buildType": "t",
                "externalParameters": {"source": source},
                "resolvedDependencies": [
                    {"uri": "other"},
                    {"uri": "git+https://a.example/b@c", "digest": {"sha1": "1"}},
                ],
            },
            "runDetails": {"builder": {"id": "b"}, "metadata": {"invocationID": "i"}},
        },
    )
    assert (build.source_uri, build.source_commit, build.invocation_id) == ("git+https://a.example/b@c", "1", "i")


def test_v1_of_byob_names_its_source_by_the_first_dependency() -> None:
    """Delegated builders write inputs and vars only."""
    build = slsa.read(
        slsa.V1,
        {
            "buildDefinition": {
                "buildType": "t",
                "externalParameters": {"inputs": {"a": 1}, "vars": {}},
                "resolvedDependencies": [{"uri": "git+x", "digest": {"gitCommit": "2"}}],
            },
            "runDetails": {"builder": {"id": "b"}},
        },
    )
    assert (build.source_uri, build.source_commit, build.inputs) == ("git+x", "2", {"a": 1})


@pytest.mark.parametrize(
    ("uri", "predicate"),
    [
        (slsa.V1, {}),
        (slsa.V1, {"buildDefinition": "text"}),
        (
            slsa.V1,
            {"buildDefinition": {"buildType": "t", "externalParameters": {}}, "runDetails": {"builder": {"id": ""}}},
        ),
        (
            slsa.V1,
            {"buildDefinition": {"buildType": 1, "externalParameters": {}}, "runDetails": {"builder": {"id": "b"}}},
        ),
        (slsa.V02, {"builder": {"id": "b"}}),
        (slsa.V02, {"builder": {"id": "b"}, "buildType": "t", "materials": ["text"]}),
    ],
)
def test_provenance_lacks_what_it_needs(uri: str, predicate: dict[str, Any]) -> None:
    """Required members of both versions."""
    with pytest.raises(FormatError) as refused:
        slsa.SlsaProvenance().check(uri, predicate)
    assert refused.value.code == "predicate-malformed"
