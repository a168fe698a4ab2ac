"""Every example workflow, run by the real act: sigstep's steps are real, third-party actions are stand-ins.

What is replaced in an example: the registry's host, and the instance where the example names one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from tests.acts import Ran, act
from tests.flows import javascript
from tests.third_party import push, stand_ins
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sigstep.flows.init import USES
from sigstep.sandbox.claims import GITHUB_ISSUER, github_claims
from sigstep.sandbox.local import Sandbox
from sigstep.sandbox.other_ci import GITLAB_ISSUER

EXAMPLES = Path(__file__).parents[2] / "workflows-examples"
SLUG, COMMIT = USES.partition(" ")[0].split("@")
TAG = "refs/tags/v1.0"
WHEELS = Path(sys.prefix) / "wheelhouse"
SIGSTEP = (str(Path(sys.executable).parent / "sigstep"),)
POD = b"""
apiVersion: v1
kind: Pod
metadata: {name: app}
spec:
  containers: [{name: app, image: "%s"}]
"""
POLICY = b"""
schema: sigstep/policy/v1
signers:
  release:
    issuer: https://token.actions.githubusercontent.com
    subject: https://github.com/acme/widget/.github/workflows/release.yml@refs/tags/v1.0
rules:
- name: app
  images: ["%s"]
  signature: {any-of: [release]}
"""
SIGNER = f"https://github.com/acme/widget/.github/workflows/release.yml@{TAG}"
MAKEFILE = b"dist:\n\tmkdir -p dist && echo one >dist/one.tar.gz && echo two >dist/two.whl\n.PHONY: dist\n"
PACKAGE = {
    "pyproject.toml": b'[project]\nname = "widget"\nversion = "1.0"\n[build-system]\nrequires = ["uv_build>=0.5,<1"]\n'
    b'build-backend = "uv_build"\n',
    "src/widget/__init__.py": b"",
}


@pytest.fixture(scope="module")
def released() -> Iterator[Sandbox]:
    """A sandbox whose tokens are those of a tag of the repository that act sees."""
    with Sandbox() as running:
        running.issuer.claims = github_claims(repository="acme/widget", ref=TAG)
        yield running


class Example:
    """One example, run in a folder of its own."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self.folder = folder
        self.shared = folder / "shared"
        self.shared.mkdir()

    def run(
        self,
        name: str,
        files: Mapping[str, bytes],
        *,
        replace: Mapping[str, str] | None = None,
        event: str = "push",
        variables: Mapping[str, str] | None = None,
        status: int = 0,
        before: Mapping[str, bytes] | None = None,
        eventpath: Path | None = None,
        **more: str,
    ) -> Ran:
        """Run it, with texts replaced, repository variables and more environment; it has to end with that status."""
        text = (EXAMPLES / name).read_text()
        for old, new in (replace or {}).items():
            assert old in text
            text = text.replace(old, new)
        environ = {
            **self._sandbox.environ(),
            "GITHUB_REF": TAG,
            "GITHUB_REF_NAME": "v1.0",
            "SHARED": str(self.shared),
            "UV_OFFLINE": "1",
            **more,
        }
        ran = act(
            text,
            self.folder / "act",
            files=files,
            env=environ,
            event=event,
            name=f"{SLUG}@{COMMIT}",
            others=stand_ins(text, self.folder / "others"),
            options=[
                *(part for pair in (variables or {}).items() for part in ("--var", "=".join(pair))),
                *(("--eventpath", str(eventpath)) if eventpath else ()),
            ],
            before=before,
        )
        assert ran.status == status, "\n".join(str(one.get("msg")) for one in ran.records)[-4000:]
        return ran

    def program(self, name: str) -> str:
        """A PATH with a program in front that writes its arguments into a file of its name among what is shared."""
        folder = self.folder / "programs"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f'#!/bin/sh\necho "$@" >>"{self.shared / name}"\n')
        (folder / name).chmod(0o755)
        return f"{folder}:{os.environ['PATH']}"  # noqa: TID251

    @property
    def published(self) -> list[str]:
        """Names of what was published."""
        return sorted(path.name for path in (self.shared / "published").iterdir())

    def held(self, *bundles: str, subject: Path | None = None, signer: str = SIGNER) -> None:
        """Another tool, @sigstore/verify, takes each of these bundles; there has to be one."""
        assert bundles
        for bundle in bundles:
            path = self.folder / "bundle.json"
            path.write_text(bundle)
            logs = "0" if self._sandbox.private else "1"
            arguments = [str(self._sandbox.trusted_root_file), str(path), "-", signer, GITHUB_ISSUER, logs]
            done = javascript.run("verify.js", *arguments, *([str(subject)] if subject else []))
            assert (done.returncode, done.stdout) == (0, signer), done.stderr

    def at_github(self) -> list[str]:
        """Bundles that GitHub's attestations API has been given about this repository."""
        return [json.dumps(one["bundle"]) for _, one in self._sandbox.hub.attestations]

    def in_registry(self, image: str) -> list[str]:
        """Bundles that the registry has about an image and what it lists."""
        out = self.folder / "downloaded"
        command = [*SIGSTEP, "download", image, "--recursive", "--output-dir", str(out)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return [line for path in sorted(out.iterdir()) for line in path.read_text().splitlines()]

    @property
    def bundles(self) -> list[Path]:
        """The bundles that were handed over."""
        return sorted((self.shared / "artifacts").glob("*bundles/*.json"))


@pytest.fixture
def example(released: Sandbox, tmp_path: Path) -> Example:
    """An example to run."""
    return Example(released, tmp_path)


@dataclass
class Published:
    """An npm registry that takes what is published."""

    url: str
    files: list[bytes]

    def configuration(self, folder: Path) -> Path:
        """A user configuration with a token for it, as trusted publishing leaves one."""
        path = folder / "npmrc"
        path.write_text(f"registry={self.url}/\n//{self.url.partition('//')[2]}/:_authToken=token\n")
        return path


@pytest.fixture
def npm_registry() -> Iterator[Published]:
    """A registry on loopback."""
    files: list[bytes] = []

    def answer(request: Request) -> Response:
        if request.method != "PUT":
            return Response("{}", status=404, mimetype="application/json")
        files.extend(base64.b64decode(one["data"]) for one in request.get_json()["_attachments"].values())
        return Response('{"ok": true}', status=201, mimetype="application/json")

    server = make_server("127.0.0.1", 0, Request.application(answer))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Published(f"http://127.0.0.1:{server.port}", files)
    server.shutdown()
    thread.join()


def host(sandbox: Sandbox) -> Mapping[str, str]:
    """The registry of the sandbox instead of the example's."""
    return {"ghcr.io": sandbox.url.partition("//")[2]}


def test_python_package(example: Example) -> None:
    """Built by uv, attested, verified, published."""
    example.run("python-package.yml", PACKAGE)
    assert example.published == ["widget-1.0-py3-none-any.whl", "widget-1.0.tar.gz"]
    assert [path.name for path in example.bundles] == [f"{name}.sigstore.json" for name in example.published]
    for path in example.bundles:
        name = path.name.removesuffix(".sigstore.json")
        example.held(path.read_text(), subject=example.shared / "published" / name)


def test_npm_package(example: Example, npm_registry: Published) -> None:
    """Packed by npm, attested, and the file that was verified is the one that npm publishes."""
    package = b'{"name": "widget", "version": "1.0.0"}'
    lock = b'{"name": "widget", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": {"name": "widget", "version": "1.0.0"}}}'
    example.run(
        "npm-package.yml",
        {"package.json": package, "package-lock.json": lock},
        npm_config_registry=npm_registry.url,
        NPM_CONFIG_USERCONFIG=str(npm_registry.configuration(example.folder)),
    )
    (path,) = (example.shared / "artifacts" / "dist").glob("*.tgz")
    assert npm_registry.files == [path.read_bytes()]
    example.held(*(one.read_text() for one in example.bundles), subject=path)


def test_go_binaries(example: Example, released: Sandbox) -> None:
    """The checksums file of GoReleaser names the subjects; the bundle goes to the release."""
    released.hub.add_release("acme/widget", "v1.0")
    ran = example.run("go-goreleaser.yml", {"go.mod": b"module widget\n"})
    assert example.published == ["checksums.txt", "widget_darwin.tar.gz", "widget_linux.tar.gz"]
    digest = hashlib.sha256((example.shared / "published" / "widget_linux.tar.gz").read_bytes()).hexdigest()
    assert digest in ran.summary
    (bundle,) = [
        one
        for one in example.at_github()
        if digest in base64.b64decode(json.loads(one)["dsseEnvelope"]["payload"]).decode()
    ]
    example.held(bundle, subject=example.shared / "published" / "widget_linux.tar.gz")


def test_container(example: Example, released: Sandbox) -> None:
    """Pushed, signed, attested with provenance and an SBOM, verified."""
    ran = example.run("container.yml", {"Dockerfile": b"FROM scratch\n"}, replace=host(released))
    assert ran.errors == []
    attached = example.in_registry(f"{released.url.partition('//')[2]}/acme/widget:v1.0")
    assert len(attached) == 3
    example.held(*attached)


def test_multi_arch_image(example: Example, released: Sandbox) -> None:
    """The index and the image of each platform."""
    replace = {**host(released), "/${{ github.repository }}": "/acme/platforms"}
    example.run("multi-arch-image.yml", {"Dockerfile": b"FROM scratch\n"}, replace=replace)
    attached = example.in_registry(f"{released.url.partition('//')[2]}/acme/platforms:v1.0")
    assert len(attached) == 3
    example.held(*attached)


def test_reusable_signing(example: Example, released: Sandbox) -> None:
    """The certificate names the reusable workflow: SLSA Build L3."""
    signer = f"{SLUG}/.github/workflows/attest.yml@refs/tags/v1"
    released.issuer.claims = {**released.issuer.claims, "job_workflow_ref": signer}
    try:
        ran = example.run("reusable-signing.yml", {"Makefile": MAKEFILE}, PATH=example.program("gh"))
    finally:
        released.issuer.claims = github_claims(repository="acme/widget", ref=TAG)
    assert "SLSA Build L3" in ran.summary
    dist = example.shared / "artifacts" / "dist"
    example.held(
        *(one.read_text() for one in example.bundles),
        subject=dist / "one.tar.gz",
        signer=f"https://github.com/{signer}",
    )
    assert (
        (example.shared / "gh")
        .read_text()
        .startswith("release create v1.0 --verify-tag --generate-notes dist/one.tar.gz")
    )


def test_verify_before_deploy(example: Example, released: Sandbox) -> None:
    """Everything is deployed when each image of the manifests is signed as the policy of the repository says."""
    image = f"{released.url.partition('//')[2]}/acme/deployed"
    pinned = f"{image}@{push(f'{image}:v1')}"
    environ = {**os.environ, **released.environ()}  # noqa: TID251
    subprocess.run([*SIGSTEP, "sign", pinned], check=True, capture_output=True, env=environ, timeout=60)
    files = {"deploy/app.yaml": POD % pinned.encode(), ".github/sigstep.yml": POLICY % image.encode()}
    example.run("verify-before-deploy.yml", files, PATH=example.program("kubectl"))
    assert (example.shared / "kubectl").read_text() == "apply --filename deploy/\n"


def test_an_unsigned_image_is_not_deployed(example: Example, released: Sandbox) -> None:
    """The second job never begins."""
    image = f"{released.url.partition('//')[2]}/acme/unsigned"
    pinned = f"{image}@{push(f'{image}:v1')}"
    files = {"deploy/app.yaml": POD % pinned.encode(), ".github/sigstep.yml": POLICY % image.encode()}
    ran = example.run("verify-before-deploy.yml", files, status=1, PATH=example.program("kubectl"))
    assert ran.errors
    assert not (example.shared / "kubectl").exists()


def test_private_repository(tmp_path: Path) -> None:
    """GitHub's instance: no log and no SCT; the verifier trusts that instance alone."""
    with Sandbox(private=True) as sandbox:
        sandbox.issuer.claims = github_claims(repository="acme/widget", ref=TAG, repository_visibility="private")
        replace = {"instance: github": f"trust-config: {sandbox.trust_config_file}"}
        example = Example(sandbox, tmp_path)
        example.run("private-repository.yml", {"Makefile": MAKEFILE}, replace=replace)
        example.held(*example.at_github())
        _, bundle = sandbox.hub.attestations[-1]
        assert not bundle["bundle"]["verificationMaterial"].get("tlogEntries")


def test_ghes(example: Example, released: Sandbox) -> None:
    """A Sigstore of one's own by a client trust config in the repository; bundles are files."""
    files = {"Makefile": MAKEFILE, ".github/trust-config.json": released.trust_config_file.read_bytes()}
    bundles = example.shared / "artifacts" / "bundles"
    replace = {
        "bundle-folder: bundles": f"bundle-folder: {bundles}",
        "bundle-path: bundles/*": f"bundle-path: {bundles}/*",
    }
    example.run("ghes.yml", files, replace=replace)
    assert len(example.bundles) == 2
    example.held(*(one.read_text() for one in example.bundles))


def test_air_gapped(example: Example, released: Sandbox) -> None:
    """No network: the whole run is in a namespace that has none."""
    source = example.folder / "widget.tar.gz"
    source.write_bytes(b"widget")
    environ = {**os.environ, **released.environ()}  # noqa: TID251
    subprocess.run([*SIGSTEP, "attest", str(source)], check=True, capture_output=True, env=environ, timeout=60)
    bundle = source.with_name("widget.tar.gz.sigstore.json").read_bytes()
    ran = example.run(
        "air-gapped.yml",
        {
            "incoming/widget.tar.gz": b"widget",
            "incoming/widget.tar.gz.sigstore.json": bundle,
            ".github/trusted_root.jsonl": released.trusted_root_file.read_bytes().replace(b"\n", b"") + b"\n",
        },
        event="workflow_dispatch",
        variables={"SIGSTEP_WHEELHOUSE": str(WHEELS), "SIGSTEP_TOOL_CACHE": str(example.folder)},
        SIGSTEP_TRUST_CONFIG="",
    )
    assert ran.errors == []


def test_pull_request(example: Example) -> None:
    """A pull request that changes nothing that is locked passes; the findings, none, are uploaded."""
    event = example.folder / "event.json"
    event.write_text('{"pull_request": {"base": {"sha": "HEAD~1"}}}')
    lock = b'version = 1\nrequires-python = ">=3.10"\n'
    example.run(
        "pull-request.yml", {"README.md": b"new\n"}, event="pull_request", before={"uv.lock": lock}, eventpath=event
    )
    assert json.loads((example.shared / "findings.sarif").read_text())["version"] == "2.1.0"


def test_gitlab_ci(released: Sandbox, tmp_path: Path) -> None:
    """The scripts of the jobs in their order, with the tokens that GitLab would hand out."""
    pipeline = yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())
    (tmp_path / "Makefile").write_bytes(MAKEFILE)
    told = {
        "GITLAB_CI": "true",
        "CI_PROJECT_VISIBILITY": "public",
        "CI_PROJECT_URL": "https://gitlab.com/acme/app",
        "CI_SERVER_URL": "https://gitlab.com",
        "CI_COMMIT_TAG": "v1.0",
    }
    config = "gitlab.com/acme/app//.gitlab-ci.yml@refs/tags/v1.0"
    for stage in pipeline["stages"]:
        tokens = {
            name: released.token(one["aud"], issuer=GITLAB_ISSUER, ref="v1.0", ref_type="tag", ci_config_ref_uri=config)
            for name, one in pipeline[stage].get("id_tokens", {}).items()
        }
        environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # noqa: TID251
            "HOME": str(tmp_path),
            "SIGSTEP_TRUST_CONFIG": str(released.trust_config_file),
        }
        for line in pipeline[stage]["script"]:
            done = subprocess.run(
                ["bash", "-ec", line],
                cwd=tmp_path,
                env={**environ, **told, **tokens},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in (tmp_path / "dist").glob("*.sigstore.json")) == [
        "one.tar.gz.sigstore.json",
        "two.whl.sigstore.json",
    ]
