"""docs/how-to/other-ci.md, executed: its YAML's commands in a shell with the environment of each system.

``--instance public-good`` is the one thing left out, since the public instance isn't on loopback.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from id._internal.oidc import ambient
from tests import worlds
from tests.sandboxes import sandbox

from sigstep.errors import TokenError
from sigstep.oidc.ambient import AmbientCredential
from sigstep.sandbox.local import Sandbox
from sigstep.sandbox.other_ci import BUILDKITE_ISSUER, GITLAB_ISSUER

__all__ = ["sandbox"]

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "other-ci.md").read_text()
PUBLIC = "--instance public-good "


def section(title: str) -> str:
    """One section of the page."""
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def yaml_of(title: str) -> Any:
    """The YAML of a section."""
    return yaml.safe_load(re.findall(r"```yaml\n(.*?)```", section(title), re.DOTALL)[0])


def commands_of(title: str) -> list[str]:
    """The shell commands of a section."""
    rest = re.sub(r"```yaml\n.*?```\n", "", section(title), flags=re.DOTALL)
    [block] = re.findall(r"```\n(.*?)```", rest, re.DOTALL)
    return [line for line in block.replace("\\\n", " ").splitlines() if line]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dist").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "dist" / "app.whl").write_bytes(b"app")
    return tmp_path


def shell(sandbox: Sandbox, folder: Path, command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command of the page, with nothing of GitHub in the environment."""
    variables = {
        "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",  # noqa: TID251
        "HOME": str(folder),
        "SIGSTEP_TRUST_CONFIG": str(sandbox.trust_config_file),
        **environ,
    }
    command = command.replace(PUBLIC, "")
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, env=variables, capture_output=True, text=True, timeout=60, check=False
    )


def agent(folder: Path, name: str, expected: str, answer: str, status: int = 0) -> None:
    """A program that a CI system puts on PATH; it answers one command line."""
    path = folder / "bin" / name
    path.write_text(f'#!/bin/sh\n[ "$*" = {expected!r} ] || exit 9\nprintf %s {answer!r}\nexit {status}\n')
    path.chmod(0o755)


def test_gitlab(sandbox: Sandbox, folder: Path) -> None:
    """The job's token, the job's script; then the verification that the page gives."""
    job = yaml_of("GitLab CI")["sign"]
    [(variable, wanted)] = job["id_tokens"].items()
    token = sandbox.token(wanted["aud"], issuer=GITLAB_ISSUER)
    environ = {"GITLAB_CI": "true", "CI_PROJECT_VISIBILITY": "public", variable: token}
    for command in job["script"]:
        done = shell(sandbox, folder, command, **environ)
        assert done.returncode == 0, done.stderr
    for command in commands_of("GitLab CI"):
        done = shell(sandbox, folder, command)
        assert done.returncode == 0, done.stdout
    wrong = commands_of("GitLab CI")[0].replace("refs/heads/main", "refs/heads/other")
    assert shell(sandbox, folder, wrong).returncode == 1


def test_gitlab_without_its_token(sandbox: Sandbox, folder: Path) -> None:
    """What to paste is what the page says."""
    done = shell(sandbox, folder, "sigstep sign dist/*", GITLAB_CI="true")
    assert done.returncode == 4
    lines = done.stderr.splitlines()
    first = next(at for at, line in enumerate(lines) if line.strip() == "id_tokens:")
    pasted = yaml.safe_load(textwrap.dedent("\n".join(lines[first:])))
    assert pasted["id_tokens"] == yaml_of("GitLab CI")["sign"]["id_tokens"]


def test_a_private_gitlab_project(sandbox: Sandbox, folder: Path) -> None:
    """No instance is guessed for it."""
    token = sandbox.token(issuer=GITLAB_ISSUER, project_visibility="private")
    environ = {"GITLAB_CI": "true", "SIGSTORE_ID_TOKEN": token}
    done = shell(sandbox, folder, "unset SIGSTEP_TRUST_CONFIG; sigstep sign dist/*", **environ)
    assert done.returncode == 2
    assert "[signing-instance]" in done.stderr
    command = "unset SIGSTEP_TRUST_CONFIG; sigstep sign --offline-trust --instance  public-good dist/*"
    done = shell(sandbox, folder, command, **environ)
    assert (done.returncode, "[private-repository]" in done.stderr) == (2, True), done.stderr


def test_buildkite(sandbox: Sandbox, folder: Path) -> None:
    """The agent's token, the step's command; then the verification that the page gives."""
    [step] = yaml_of("Buildkite")["steps"]
    token = sandbox.token(issuer=BUILDKITE_ISSUER)
    agent(folder, "buildkite-agent", "oidc request-token --audience sigstore", token)
    done = shell(sandbox, folder, step["command"], BUILDKITE="true")
    assert done.returncode == 0, done.stderr
    for command in commands_of("Buildkite"):
        assert shell(sandbox, folder, command).returncode == 0


def test_circleci(sandbox: Sandbox, folder: Path) -> None:
    """The token of ``circleci run oidc get``; the sandbox certifies it as GitLab's."""
    [command] = [one["run"] for one in yaml_of("CircleCI")["jobs"]["sign"]["steps"] if isinstance(one, dict)]
    expected = "run oidc get --claims " + json.dumps({"aud": "sigstore"}) + " --root-issuer"
    agent(folder, "circleci", expected, sandbox.token(issuer=GITLAB_ISSUER))
    done = shell(sandbox, folder, command, CIRCLECI="true")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("variable", "program", "expected"),
    [
        ("BUILDKITE", "buildkite-agent", "oidc request-token --audience sigstore"),
        ("CIRCLECI", "circleci", 'run oidc get --claims {"aud": "sigstore"} --root-issuer'),
    ],
)
def test_an_agent_that_gives_none(sandbox: Sandbox, folder: Path, variable: str, program: str, expected: str) -> None:
    """No agent, an agent that fails (and echoes a token), and one that says nothing of use."""
    missing = shell(sandbox, folder, "sigstep sign dist/*", **{variable: "true"})
    assert (missing.returncode, "[token-permission]" in missing.stderr) == (4, True), missing.stderr
    token = sandbox.token()
    agent(folder, program, expected, token, status=1)
    failed = shell(sandbox, folder, "sigstep sign dist/*", **{variable: "true"})
    assert (failed.returncode, "[token-request-refused]" in failed.stderr) == (4, True), failed.stderr
    assert token.split(".")[1][:40] not in failed.stderr
    agent(folder, program, expected, "no token")
    garbage = shell(sandbox, folder, "sigstep sign dist/*", **{variable: "true"})
    assert (garbage.returncode, "[token-request-refused]" in garbage.stderr) == (4, True), garbage.stderr


def test_an_agent_that_never_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wait is bounded."""
    path = folder / "bin" / "buildkite-agent"
    path.write_text("#!/bin/sh\nexec sleep 5\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")  # noqa: TID251
    monkeypatch.setenv("BUILDKITE", "true")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    with pytest.raises(TokenError) as caught:
        AmbientCredential(seconds=0.2).obtain("sigstore", worlds.world(environ={"BUILDKITE": "true"}))
    assert caught.value.code == "token-request-refused"
    assert "no answer" in caught.value.why


class Metadata(BaseHTTPRequestHandler):
    """Google's metadata server and its credentials service."""

    token = ""

    def do_GET(self) -> None:
        if self.path.startswith("/identity"):
            assert self.headers["Metadata-Flavor"] == "Google"
            self._say(self.token.encode())
        else:
            self._say(json.dumps({"access_token": "access"}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        granted = self.headers["Authorization"] == "Bearer access" and "robot" in self.path
        self._say(json.dumps({"token": self.token if granted else ""}).encode())

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def google(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A machine of Google Cloud; its token."""
    Metadata.token = sandbox.token(email="robot@acme.example")
    with HTTPServer(("127.0.0.1", 0), Metadata) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        (tmp_path / "product").write_text("Google Compute Engine\n")
        monkeypatch.setattr(ambient, "_GCP_PRODUCT_NAME_FILE", str(tmp_path / "product"))
        monkeypatch.setattr(ambient, "_GCP_IDENTITY_REQUEST_URL", f"{base}/identity")
        monkeypatch.setattr(ambient, "_GCP_TOKEN_REQUEST_URL", f"{base}/token")
        monkeypatch.setattr(ambient, "_GCP_GENERATEIDTOKEN_REQUEST_URL", base + "/{}")
        for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GOOGLE_SERVICE_ACCOUNT_NAME"):
            monkeypatch.delenv(name, raising=False)
        yield Metadata.token
        server.shutdown()


@pytest.mark.parametrize("account", ["", "robot@acme.example"])
def test_google_cloud(google: str, monkeypatch: pytest.MonkeyPatch, account: str) -> None:
    """The machine's own token, and a service account's."""
    if account:
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_NAME", account)
    found = AmbientCredential().obtain("sigstore", real())
    assert found is not None
    assert found.raw == google


def real() -> Any:
    """A world with the machine's clock, outside every CI system."""
    from dataclasses import replace

    from sigstep.ports.real import RealClock

    return replace(worlds.world(), clock=RealClock())


def test_a_plain_shell(sandbox: Sandbox, folder: Path) -> None:
    """A token file, then a key with a password."""
    (folder / "token.jwt").write_text(sandbox.token())
    key = ec.generate_private_key(ec.SECP256R1())
    encryption = serialization.BestAvailableEncryption(b"secret")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    (folder / "key.pem").write_bytes(pem)
    for command in commands_of("A plain shell"):
        done = shell(sandbox, folder, command, SIGSTEP_KEY_PASSWORD="secret")
        assert done.returncode == 0, done.stderr
    without = shell(sandbox, folder, "sigstep sign dist/*")
    assert (without.returncode, "[token-none]" in without.stderr) == (4, True)
