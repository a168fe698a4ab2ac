"""Where the Action's policy comes from, and what is beside it."""

from __future__ import annotations

import json

import pytest
from tests.flows.test_action_steps import POLICY, Job, git, job, repository

from sigstep.model.digest import Digest
from sigstep.ports.real import real_world

__all__ = ["job"]


def test_the_policy_of_a_pull_request_has_its_recall_list(job: Job) -> None:
    """What the policy names beside it is read from the same commit, and is still there when it judges."""
    job.step("attest", subject_path="dist/*")
    about = "recall-list: {file: lists/recalls.yml, protected: CODEOWNERS, max-age: 7d}\n"
    job.file(".github/sigstep.yml", POLICY % repository(job) + about)
    git(job.folder, "init", "-q", "-b", "main")
    bad = Digest.of((job.folder / "dist" / "one.whl").read_bytes())
    given = {"subject_path": "dist/one.whl", "policy": ".github/sigstep.yml"}
    for recalls, status in (("", 0), (f"recalls: [{{digest: '{bad}', reason: stolen, date: 2026-01-01}}]\n", 1)):
        now = real_world().clock.now()
        head = f"schema: sigstep/recalls/v1\nissued: {now:%Y-%m-%dT%H:%M:%SZ}\n"
        job.file(".github/lists/recalls.yml", head + recalls)
        git(job.folder, "add", ".github")
        git(job.folder, "commit", "-qm", "base")
        base = git(job.folder, "rev-parse", "HEAD")
        job.file(".github/lists/recalls.yml", head)  # the change's own list recalls nothing
        event = job.file("event.json", json.dumps({"pull_request": {"base": {"sha": base}}}))
        pull = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event)}
        ended = job.step("verify", pull, **given)
        assert (ended.status, "[policy-recalled]" in ended.log) == (status, bool(status)), ended.log


def test_a_digest_covers_the_file_alone(job: Job) -> None:
    """A file that the policy names can still be changed: that is said."""
    job.step("attest", subject_path="dist/*")
    now = real_world().clock.now()
    job.file(".github/recalls.yml", f"schema: sigstep/recalls/v1\nissued: {now:%Y-%m-%dT%H:%M:%SZ}\n")
    about = "recall-list: {file: recalls.yml, protected: CODEOWNERS, max-age: 7d}\n"
    for text, told in ((POLICY % repository(job), False), (POLICY % repository(job) + about, True)):
        policy = job.file(".github/sigstep.yml", text)
        digest = str(Digest.of(policy.read_bytes()))
        ended = job.step("verify", subject_path="dist/*", policy=".github/sigstep.yml", policy_digest=digest)
        assert (ended.status, "[policy-digest-partial]" in ended.log) == (0, told), ended.log


@pytest.mark.parametrize("name", ["workflow_run", "issue_comment"])
def test_a_checkout_of_a_stranger_does_not_choose_the_policy(job: Job, name: str) -> None:
    """Jobs of these events run for the default branch, whatever they check out."""
    job.step("attest", subject_path="dist/*")
    job.file(".github/sigstep.yml", POLICY % "somebody/else")
    git(job.folder, "init", "-q", "-b", "main")
    git(job.folder, "add", ".github")
    git(job.folder, "commit", "-qm", "base")
    head = git(job.folder, "rev-parse", "HEAD")
    policy = job.file(".github/sigstep.yml", POLICY % repository(job))  # the stranger's
    given = {"subject_path": "dist/*", "policy": ".github/sigstep.yml"}
    event = {"GITHUB_EVENT_NAME": name, "GITHUB_SHA": head}
    ended = job.step("verify", event, **given)
    assert (ended.status, "[policy-changed]" in ended.log) == (1, True), ended.log
    assert "[policy-base-missing]" in job.step("verify", {**event, "GITHUB_SHA": ""}, **given).log
    assert job.step("verify", {**event, "GITHUB_EVENT_NAME": "push"}, **given).status == 0
    policy.unlink()
    policy.symlink_to("/dev/zero")
    ended = job.step("verify", event, **given)
    assert (ended.status, "[policy-changed]" in ended.log) == (1, True), ended.log
