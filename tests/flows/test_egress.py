"""Which hosts a run speaks to, through a recording proxy with a CA of its own; and what it never sends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.proxies import PASSWORD, USER, RecordingProxy

from sigstep.sandbox.local import Sandbox

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "network.md"
RUNNER = "pipelines.actions.githubusercontent.com"
ISSUER = "token.actions.githubusercontent.com"
NETRC = "machine {host} login netrc-user password netrc-password\n"


def documented(instance: str) -> set[str]:
    """The hosts that docs/how-to/network.md lists for an instance."""
    rows, current = set(), ""
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 5:
            current = cells[1].strip("`") or current
            if current == instance:
                rows |= set(re.findall(r"`([a-z0-9.-]+\.[a-z]+)`", cells[2]))
    return rows


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox() as running:
        running.issuer.base_url = f"https://{ISSUER}"
        yield running


@pytest.fixture
def proxy(box: Sandbox) -> Iterator[RecordingProxy]:
    hosts = (*documented("public-good"), *documented("github"), RUNNER, ISSUER)
    with RecordingProxy({host: box.url for host in hosts if not host.startswith("tuf-")}) as running:
        yield running


def run(box: Sandbox, proxy: RecordingProxy, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``sigstep`` on a machine with a proxy, a ``.netrc`` for every host, and tokens lying about."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    netrc = home / ".netrc"
    netrc.write_text(
        "".join(NETRC.format(host=host) for host in proxy.answers) + "default login d password default-pw\n"
    )
    netrc.chmod(0o600)
    environ = {
        **os.environ,  # noqa: TID251
        **box.environ(),
        **proxy.environ,
        "HOME": str(home),
        "NETRC": str(netrc),
        "SIGSTEP_CACHE_DIR": str(folder / "cache"),
        "GITHUB_TOKEN": "ambient-github-token",
        "GH_TOKEN": "ambient-github-token",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"https://{RUNNER}/token?api-version=2.0",
    }
    command = [sys.executable, "-m", "sigstep", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)


def config(box: Sandbox, folder: Path, instance: str) -> str:
    """The sandbox's trusted root with the services of the real instance."""

    def service(host: str, path: str = "") -> list[dict[str, Any]]:
        window = {"start": "2020-01-01T00:00:00Z"}
        return [{"url": f"https://{host}{path}", "majorApiVersion": 1, "validFor": window, "operator": instance}]

    domain = {"public-good": "sigstore.dev", "github": "githubapp.com"}[instance]
    services = box.signing_config() | {
        "caUrls": service(f"fulcio.{domain}"),
        "oidcUrls": [],
        "rekorTlogUrls": service(f"rekor.{domain}") if instance == "public-good" else [],
        "tsaUrls": service(f"timestamp.{domain}", "/api/v1/timestamp"),
    }
    root = box.trusted_root()
    if instance == "github":
        root = {name: value for name, value in root.items() if name not in ("tlogs", "ctlogs")}
    path = folder / "config.json"
    media_type = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
    path.write_text(json.dumps({"mediaType": media_type, "trustedRoot": root, "signingConfig": services}))
    return str(path)


@pytest.mark.parametrize("instance", ["public-good", "github"])
def test_a_run_touches_these_hosts_only(box: Sandbox, proxy: RecordingProxy, tmp_path: Path, instance: str) -> None:
    """Issue 4, corporate networks: the list of docs/how-to/network.md is complete, and nothing in it is unused."""
    (tmp_path / "app.whl").write_bytes(b"app")
    done = run(box, proxy, tmp_path, "attest", "app.whl", "--trust-config", config(box, tmp_path, instance))
    assert done.returncode == 0, done.stderr
    refused = run(box, proxy, tmp_path, "trust", "update", instance)
    assert refused.returncode == 4
    assert proxy.hosts == documented(instance) | {RUNNER, ISSUER}
    if instance == "public-good":
        assert ISSUER in documented("GitHub Actions")


def test_what_is_never_sent(box: Sandbox, proxy: RecordingProxy, tmp_path: Path) -> None:
    """Neither ``.netrc`` nor tokens that lie about; the proxy's password goes to the proxy only."""
    (tmp_path / "app.whl").write_bytes(b"app")
    assert (
        run(
            box, proxy, tmp_path, "attest", "app.whl", "--trust-config", config(box, tmp_path, "public-good")
        ).returncode
        == 0
    )
    run(box, proxy, tmp_path, "trust", "update", "public-good")
    assert set(proxy.authorizations) == {f"{USER}:{PASSWORD}"}
    for one in proxy.seen:
        sent = f"{one.path} {one.headers} {one.body!r}"
        for secret in ("netrc", "default-pw", "ambient-github-token", PASSWORD):
            assert secret not in sent, one.host
        headers = {name.lower() for name in one.headers}
        assert ("authorization" in headers) == (one.host == RUNNER), one.host
        assert "cookie" not in headers


def test_verifying_with_a_root_at_hand_asks_nobody(box: Sandbox, proxy: RecordingProxy, tmp_path: Path) -> None:
    """Verification is offline."""
    (tmp_path / "app.whl").write_bytes(b"app")
    assert (
        run(box, proxy, tmp_path, "sign", "app.whl", "--trust-config", config(box, tmp_path, "public-good")).returncode
        == 0
    )
    proxy.seen.clear()
    root = str(box.trusted_root_file)
    done = run(box, proxy, tmp_path, "verify", "app.whl", "--trusted-root", root, "--repo", "acme/app")
    assert done.returncode == 0, done.stdout + done.stderr
    assert proxy.hosts == set()


def test_a_ca_that_is_not_known_says_where_it_goes(box: Sandbox, proxy: RecordingProxy, tmp_path: Path) -> None:
    """The fix names the variable of the corporate CA."""
    (tmp_path / "app.whl").write_bytes(b"app")
    from tests.interop.stack import keys

    proxy.ca_file.write_bytes(keys.pem(keys.issue("other", organization="other")))
    trust = config(box, tmp_path, "public-good")
    done = run(box, proxy, tmp_path, "sign", "app.whl", "--trust-config", trust, "--retry-for", "0")
    assert done.returncode == 4
    assert "REQUESTS_CA_BUNDLE" in done.stderr
