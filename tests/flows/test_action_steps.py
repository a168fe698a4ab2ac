"""The steps in the process, on the sandbox: what each input does, what each failure tells, and what nobody can forge."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.unit.action.test_runner import outputs

from sigstep.action.main import OUTPUTS, run
from sigstep.oci.client import Client, Settings
from sigstep.oci.manifest import MANIFEST, encode
from sigstep.oci.reference import parse_reference
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

SBOM = '{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "one", "packages": []}'
POLICY = """\
schema: sigstep/policy/v1
signers:
  release:
    issuer: "https://token.actions.githubusercontent.com"
    subject: "https://github.com/%s/.github/workflows/release.yml@refs/heads/main"
rules:
- name: release
  blobs: ["**"]
  attestations:
  - type: https://slsa.dev/provenance/v1
    any-of: [release]
"""


@dataclass(frozen=True)
class Step:
    """What a step left: status, outputs, summary, log."""

    status: int
    outputs: dict[str, str]
    summary: str
    log: str


class Job:
    """A job in a folder: steps run one after the other."""

    def __init__(self, box: Sandbox, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.box, self.folder, self._capsys = box, folder, capsys
        (folder / "temp").mkdir()
        self.file("dist/one.whl", "one\n")
        self.file("dist/two.tar.gz", "two\n")

    def file(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def step(self, operation: str, env: Mapping[str, str] | None = None, /, **given: str) -> Step:
        """Run a step with these inputs."""
        number = len(list(self.folder.glob("outputs*")))
        files = {name: self.folder / f"{name.lower()}{number}" for name in ("OUTPUTS", "SUMMARY")}
        environ = {
            **self.box.environ(),
            "RUNNER_TEMP": str(self.folder / "temp"),
            "HOME": str(self.folder),
            "GITHUB_OUTPUT": str(files["OUTPUTS"]),
            "GITHUB_STEP_SUMMARY": str(files["SUMMARY"]),
            "SIGSTEP_INPUT_OPERATION": operation,
            "SIGSTEP_INPUT_GITHUB_TOKEN": self.box.hub.token,
            **{f"SIGSTEP_INPUT_{name.upper()}": value for name, value in given.items()},
            **(env or {}),
        }
        self._capsys.readouterr()
        status = run(replace(real_world(), environ=environ))
        written = outputs(files["OUTPUTS"])
        assert set(written) == set(OUTPUTS)  # all, always
        summary = files["SUMMARY"].read_text() if files["SUMMARY"].exists() else ""
        return Step(status, written, summary, self._capsys.readouterr().out)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Job]:
    """A job on a sandbox of its own."""
    monkeypatch.chdir(tmp_path)
    with Sandbox() as box:
        yield Job(box, tmp_path, capsys)


def repository(job: Job) -> str:
    """The one that signs."""
    return str(job.box.issuer.claims["repository"])


def test_attest_and_everything_it_tells(job: Job) -> None:
    """Outputs, files, the list of actions/attest, the runner's list of artifacts; then verify finds it at GitHub."""
    listing = {"GITHUB_ARTIFACTS": str(job.folder / "artifacts")}
    made = job.step("attest", listing, subject_path="dist", sbom_path="", retry_for="90s")
    assert (made.status, made.outputs["outcome"], made.outputs["verified-count"]) == (0, "verified", "2")
    assert json.loads(Path(made.outputs["report-path"]).read_text())["exitCode"] == 0
    assert Path(made.outputs["html-path"]).read_text().startswith("<!doctype html>")
    assert json.loads(Path(made.outputs["sarif-path"]).read_text())["version"] == "2.1.0"
    created = (job.folder / "temp" / "created_attestation_paths.txt").read_text()
    assert created == f"{made.outputs['bundle-path']}\n"
    assert (job.folder / "artifacts").read_text().splitlines() == ["dist/one.whl", "dist/two.tar.gz"]
    assert "SLSA Build L2" in made.summary
    assert "gh attestation verify one.whl --repo" in made.summary
    assert "```mermaid" in made.summary
    assert "::add-mask::" in made.log
    checked = job.step("verify", subject_path="dist/*", repo=repository(job))
    assert (checked.status, checked.outputs["verified-count"]) == (0, "2")
    offline = job.step("verify", subject_path="dist/*", repo=repository(job), offline="true")
    assert (offline.status, offline.outputs["outcome"]) == (1, "refused")
    told = job.step("verify", subject_path="dist/*", repo=repository(job), offline="true", fail_on="none")
    assert (told.status, told.outputs["outcome"], "::error" in told.log) == (0, "refused", False)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"subject_path": "dist/one.whl, dist/two.tar.gz"}, ["one.whl", "two.tar.gz"]),
        ({"subject_path": "dist/*\n!dist/two*"}, ["one.whl"]),
        ({"subject_path": "~/dist/one.whl", "subject_base": "."}, ["dist/one.whl"]),
        ({"subject_path_file": "list"}, ["two.tar.gz"]),
        ({"subject_path": "dist/one.whl", "subject_name": "named"}, ["named"]),
        ({"subject_digest": f"sha256:{'0' * 64}", "subject_name": "x"}, ["x"]),
        ({"subject_checksums": f"{'0' * 64}  a\n{'1' * 64} *b"}, ["a", "b"]),
        ({"subject_checksums": f"{'0' * 64}  a"}, ["a"]),
        ({"subject_checksums": "sums"}, ["c"]),
        ({"subject_path": "hidden"}, [".dot"]),
        ({}, ["listed"]),
    ],
)
def test_subjects(given: dict[str, str], names: list[str], job: Job) -> None:
    """Every way to name them, as actions/attest reads it."""
    job.file("list", "dist/two.tar.gz\n")
    job.file("sums", f"{'2' * 64}  c\n")
    job.file("hidden/.dot", "dot")
    subject = {"name": "listed", "digest": f"sha256:{'3' * 64}", "kind": "file"}
    listed = job.file("artifacts.json", json.dumps({"version": 1, "subjects": [subject]}))
    made = job.step("attest", {"GITHUB_ARTIFACTS_LIST": str(listed)}, publish_to="none", **given)
    assert made.status == 0, made.log
    envelope = json.loads(Path(made.outputs["bundle-path"]).read_text())["dsseEnvelope"]
    payload = json.loads(__import__("base64").b64decode(envelope["payload"]))
    assert [one["name"] for one in payload["subject"]] == names
    assert job.box.hub.attestations == []


@pytest.mark.parametrize(
    ("operation", "given", "code"),
    [
        ("attest", {"subject_path": "dist/*", "subject_digest": "x"}, "input-subjects-conflict"),
        ("attest", {"subject_path": "dist/one.whl\nnone"}, "subject-missing"),
        ("attest", {"subject_digest": f"sha256:{'0' * 64}"}, "input-subject-name"),
        ("attest", {"subject_checksums": "typo.txt"}, "subject-unreadable"),
        ("attest", {"subject_path": "dist/*", "push_to_registry": "true"}, "input-push"),
        ("attest", {"subject_path": "dist/*", "publish_to": "moon"}, "input-unknown-value"),
        ("attest", {"subject_path": "dist/*", "publish_to": "release"}, "input-publish"),
        ("attest", {"subject_path": "dist/*", "predicate_type": "https://x.example"}, "input-predicate-missing"),
        ("attest", {"subject_path": "dist/*", "sbom_path": "a", "predicate": "{}"}, "input-predicate-conflict"),
        ("attest", {"subject_path": "dist/*", "retry_for": "soon"}, "input-not-number"),
        ("attest", {"subject_path": "dist/*", "subject_base": "elsewhere"}, "subject-outside-base"),
        ("attest", {}, "no-subject"),
        ("sbom", {"subject_path": "dist/*"}, "input-predicate-missing"),
        ("sign", {"subject_path": "dist/*", "image": "a/b"}, "input-subjects-conflict"),
        ("verify", {"subject_path": "dist/*"}, "input-signer-missing"),
        ("verify", {"subject_path": "dist/*", "identity": "x"}, "input-issuer-missing"),
        ("verify", {"repo": "acme/app"}, "no-subject"),
        ("verify", {"subject_path": "dist/*", "repo": "acme/app", "bundle_path": "none/*"}, "bundle-missing"),
        ("verify", {"subject_path": "dist/*", "repo": "acme/app", "policy": "p"}, "input-policy-conflict"),
        ("verify", {"image": "a.example/b:1", "repo": "acme/app", "offline": "true"}, "image-offline"),
        ("verify", {"subject_path": "dist/*", "policy": "../p"}, "policy-path"),
        ("dependencies", {}, "input-base-missing"),
        ("dependencies", {"audit": "true", "registry": "npm"}, "input-registry"),
    ],
)
def test_refused_inputs(operation: str, given: dict[str, str], code: str, job: Job) -> None:
    """Each is told by its code, in the log, the annotation and the summary, and every output is written."""
    ended = job.step(operation, **given)
    assert ended.status in (2, 3, 4)
    assert f"[{code}]" in ended.log
    assert code in ended.summary
    assert job.box.hub.attestations == []


def test_predicates(job: Job) -> None:
    """An SBOM, a predicate of one's own, and provenance beside an SBOM."""
    job.file("sbom.json", SBOM)
    job.file("own.json", '{"a": "b"}')
    assert job.step("sbom", subject_path="dist/one.whl", sbom_path="sbom.json").status == 0
    own = "https://example.com/own/v1"
    assert job.step("attest", subject_path="dist/*", predicate_type=own, predicate_path="own.json").status == 0
    assert job.step("attest", subject_path="dist/*", predicate_type=own, predicate='{"c": "d"}').status == 0
    both = job.step("attest", subject_path="dist/one.whl", sbom_path="sbom.json", provenance="true")
    assert len(both.outputs["attestation-ids"].splitlines()) == 2
    types = [one["type"] for _, one in job.box.hub.attestations]
    spdx = "https://spdx.dev/Document/v2.3"
    assert sorted(types) == sorted([spdx, own, own, "https://slsa.dev/provenance/v1", spdx])


def test_partial_failure(job: Job) -> None:
    """The step fails, and says what was published, what not, and what to paste."""
    job.box.hub.add_release(repository(job), "v1")
    job.box.hub.permissions = frozenset({"contents"})
    ended = job.step("attest", subject_path="dist/*", release_tag="v1", publish_to="github")
    assert (ended.status, ended.outputs["outcome"]) == (4, "undecided")
    assert (ended.outputs["attestation-id"], ended.outputs["failed-count"]) == ("", "1")
    assert Path(ended.outputs["bundle-path"]).is_file()
    assert "permissions:\n  attestations: write" in ended.summary
    assert "- release: " in ended.summary
    assert set(job.box.hub.assets(repository(job), "v1")) == {"attestation.sigstore.json"}
    found = job.step("verify", subject_path="dist/*", repo=repository(job), release_tag="v1")
    assert found.status == 0, found.log


def test_enterprise_server_has_no_attestations(job: Job) -> None:
    """There the bundle file is what there is, and the summary says so."""
    # the claims are GitHub's own: only where the step publishes to changes
    ended = job.step("attest", {"GITHUB_SERVER_URL": "https://ghes.example"}, subject_path="dist/*")
    assert job.box.hub.attestations == []
    assert ended.outputs["bundle-path"] == "" or "no attestations API" in ended.summary


def image_in(job: Job) -> tuple[str, str]:
    """An image in the sandbox's registry: its repository and digest."""
    host = job.box.url.removeprefix("http://")
    reference = parse_reference(f"{host}/acme/app")
    client = Client(real_world(), Settings(plain_http=frozenset({host})))
    config = client.put_blob(reference, b"{}")
    data = encode({"schemaVersion": 2, "mediaType": MANIFEST, "config": config.document(), "layers": []})
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    client.put_manifest(parse_reference(f"{host}/acme/app@{digest}"), data, MANIFEST)
    client.put_manifest(parse_reference(f"{host}/acme/app:1"), data, MANIFEST)
    return f"{host}/acme/app", digest


def test_images(job: Job) -> None:
    """Push, record, sign, verify by name, by manifest, and by what only GitHub knows."""
    name, digest = image_in(job)
    given = {"subject_name": f"{name.upper().replace('LOCALHOST', 'localhost')}:1", "subject_digest": digest}
    only = job.step("attest", subject_name=name, subject_digest=digest)
    assert only.status == 0, only.log
    provenance = "https://slsa.dev/provenance/v1"
    found = job.step("verify", image=f"{name}:1", repo=repository(job), predicate_type=provenance)
    assert found.status == 0, found.log
    pushed = job.step("attest", push_to_registry="true", subject_version="1.0", **given)
    assert pushed.status == 0, pushed.log
    assert pushed.outputs["storage-record-ids"] == str(job.box.hub.records[0]["id"])
    attached = job.step("verify", {"GITHUB_REPOSITORY": ""}, subject_digest=digest, repo="acme/app", registry=name)
    assert attached.status == 0, attached.log
    assert job.step("sign", image=f"{name}@{digest}").status == 0
    compose = job.file("compose.yml", f"services:\n  app:\n    image: {name}@{digest}\n")
    listed = job.step("verify", {"GITHUB_REPOSITORY": ""}, **{"in": str(compose)}, repo=repository(job))
    assert listed.status == 0, listed.log
    assert "compose.yml" in Path(listed.outputs["report-path"]).read_text()
    job.box.hub.permissions = frozenset({"attestations"})
    warned = job.step("attest", push_to_registry="true", **given)
    assert (warned.status, "::warning" in warned.log, "storage-record" in warned.log) == (0, True, True)
    silent = job.step("attest", push_to_registry="true", create_storage_record="false", **given)
    assert (silent.status, "::warning" in silent.log) == (0, False)


def test_sign(job: Job) -> None:
    """A signature beside each file; what is kept is kept."""
    signed = job.step("sign", subject_path="dist/*")
    assert (signed.status, signed.outputs["verified-count"]) == (0, "2")
    assert signed.outputs["bundle-paths"].splitlines() == [
        "dist/one.whl.sigstore.json",
        "dist/two.tar.gz.sigstore.json",
    ]
    assert job.step("sign", subject_path="dist/*.whl\ndist/*.gz", resume="true", bundle_folder="dist").status == 0
    checked = job.step("verify", subject_path="dist/*", repo=repository(job), bundle_path="dist", offline="true")
    assert (checked.status, checked.outputs["verified-count"]) == (0, "2"), checked.log


def git(folder: Path, *arguments: str) -> str:
    """What git says."""
    who = ("-c", "user.name=t", "-c", "user.email=t@t.example")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def test_the_policy_of_a_pull_request_is_its_bases(job: Job) -> None:
    """What is judged cannot change the gate: from the base commit, by Git or by GitHub; the change is a remark."""
    job.step("attest", subject_path="dist/*")
    job.file(".github/sigstep.yml", POLICY % repository(job))
    git(job.folder, "init", "-q", "-b", "main")
    git(job.folder, "add", ".github")
    git(job.folder, "commit", "-qm", "base")
    base = git(job.folder, "rev-parse", "HEAD")
    event = job.file("event.json", json.dumps({"pull_request": {"base": {"sha": base}}}))
    pull = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event)}
    given = {"subject_path": "dist/*", "policy": ".github/sigstep.yml"}
    good = job.step("verify", pull, **given)
    assert (good.status, "policy-changed" in good.log) == (0, False), good.log
    assert base in good.summary
    job.file(".github/sigstep.yml", POLICY % "evil/app")
    changed = job.step("verify", pull, **given)
    assert (changed.status, "[policy-changed]" in changed.log, "::error" in changed.log) == (0, True, False), (
        changed.log
    )
    assert job.step("verify", **given).status == 1  # outside of a pull request the checkout's own judges
    assert job.step("verify", policy_ref=base, **given).status == 0
    wrong = job.step("verify", policy_digest="0" * 64, **given)
    assert "[policy-digest-mismatch]" in wrong.log
    missing = job.step("verify", policy_ref="f" * 40, **given)
    assert (missing.status, "[policy-base-missing]" in missing.log) == (2, True)
    job.box.hub.contents[repository(job), "f" * 40, ".github/sigstep.yml"] = (POLICY % repository(job)).encode()
    fetched = job.step("verify", policy_ref="f" * 40, **given)
    assert fetched.status == 0, fetched.log
    nothing = job.file("event2.json", "{}")
    for name in ("pull_request", "merge_group"):
        unsaid = job.step("verify", {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(nothing)}, **given)
        assert "[policy-base-missing]" in unsaid.log
    group = job.file("event3.json", json.dumps({"merge_group": {"base_sha": base}}))
    assert (
        job.step("verify", {"GITHUB_EVENT_NAME": "merge_group", "GITHUB_EVENT_PATH": str(group)}, **given).status == 0
    )


@pytest.mark.parametrize(
    "name",
    ["::set-output name=outcome::verified", "a\n::error::x", "##[error]x", "<script>alert(1)<.script>", "`|$(id)"],
)
def test_hostile_names_forge_nothing(name: str, job: Job) -> None:
    """A file's name reaches log, annotation and summary as text alone."""
    job.file(f"bad/{name}", "x")
    ended = job.step("verify", subject_path="bad", repo="acme/other", offline="true")
    assert (ended.status, ended.outputs["outcome"]) == (1, "refused")
    open_at = ended.log.index("::stop-commands::")
    token = ended.log[open_at:].splitlines()[0].removeprefix("::stop-commands::")
    outside = ended.log[ended.log.index(f"::{token}::") :].splitlines()
    assert all(line.startswith(("::error title=sigstep", f"::{token}::")) or not line for line in outside)
    assert "::set-output" not in ended.log
    assert "##[" not in ended.log
    assert "<script" not in ended.summary


def test_dependencies(job: Job) -> None:
    """The step compares commits; nothing that is locked changed."""
    git(job.folder, "init", "-q", "-b", "main")
    job.file("README", "x")
    git(job.folder, "add", "README")
    git(job.folder, "commit", "-qm", "base")
    ended = job.step("dependencies", base="HEAD")
    assert (ended.status, ended.outputs["outcome"]) == (0, "verified"), ended.log
    assert json.loads(Path(ended.outputs["sarif-path"]).read_text())["version"] == "2.1.0"
