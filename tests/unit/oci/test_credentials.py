"""Where credentials for registries come from, what is sent where, and a code for each way to have none."""

from __future__ import annotations

import base64
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.oci.conftest import Running

from sigstep.errors import ServiceError, SigstepError
from sigstep.oci.client import Client, Settings
from sigstep.oci.credentials import Credential, find_credential
from sigstep.oci.transport import Transport
from sigstep.ports.real import real_world
from sigstep.ports.world import World
from sigstep.sandbox.faults import Fault


def world(**environ: str) -> World:
    """The real one, with nothing of the machine's environment but PATH."""
    return replace(real_world(), environ=environ)


def encoded(user: str, secret: str) -> str:
    """An ``auth`` member."""
    return base64.b64encode(f"{user}:{secret}".encode()).decode()


def configured(folder: Path, **members: object) -> Path:
    """A Docker configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(members))
    return folder / "config.json"


def helper(folder: Path, name: str, script: str) -> None:
    """A credential helper on PATH."""
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("entry", "host", "found"),
    [
        ({"auth": encoded("u", "s:x")}, "ghcr.io", Credential(username="u", secret="s:x")),
        ({"username": "u", "password": "s"}, "ghcr.io", Credential(username="u", secret="s")),
        ({"identitytoken": "t", "auth": encoded("u", "s")}, "ghcr.io", Credential(identity_token="t")),
        ({"auth": ""}, "ghcr.io", None),
        ({}, "ghcr.io", None),
        (5, "ghcr.io", None),
        ({"auth": encoded("u", "s")}, "evil-ghcr.io", None),
        ({"auth": encoded("u", "s")}, "io", None),
    ],
)
def test_docker_configuration(tmp_path: Path, entry: object, host: str, found: Credential | None) -> None:
    """`auths` by the exact host, with and without a scheme and path; never by part of a name."""
    for key in ("ghcr.io", "https://ghcr.io", "https://ghcr.io/v2/"):
        file = configured(tmp_path, auths={key: entry})
        assert find_credential(host, world(DOCKER_CONFIG=str(file.parent))) == found
    assert "s:x" not in repr(found)


@pytest.mark.parametrize(
    ("host", "repository", "user"),
    [
        ("quay.io", "team/app", "app"),
        ("quay.io", "team/other", "team"),
        ("quay.io", "team2/app", "all"),
        ("quay.io", "app", "all"),
        ("ghcr.io", "team/app", "first"),
        ("docker.io", "team/app", "hub-team"),
        ("docker.io", "library/app", "hub"),
        ("other.example", "team/app", ""),
        ("other.example", "mine/app", "mine"),
    ],
)
def test_namespaces(tmp_path: Path, host: str, repository: str, user: str) -> None:
    """containers-auth.json(5): the most specific key; those of a namespace go nowhere else."""
    users = {
        "quay.io/team": "team",
        "quay.io": "all",
        "quay.io/team/app": "app",
        "ghcr.io": "first",
        "ghcr.io/another": "second",
        "https://index.docker.io/v1/": "hub",
        "docker.io/team": "hub-team",
        "other.example/mine": "mine",
    }
    file = configured(tmp_path, auths={key: {"auth": encoded(name, "s")} for key, name in users.items()})
    found = find_credential(host, world(DOCKER_CONFIG=str(file.parent)), repository=repository)
    assert (found.username if found else "") == user


def test_order_of_files(tmp_path: Path) -> None:
    """REGISTRY_AUTH_FILE, DOCKER_CONFIG or the home folder's, then Podman's; the first that knows the host."""
    names = ("a/config.json", "b/config.json", "h/.docker/config.json", "r/containers/auth.json")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(json.dumps({"auths": {"ghcr.io": {"auth": encoded(name[0], "s")}}}))
    environ = {
        "REGISTRY_AUTH_FILE": str(tmp_path / "a" / "config.json"),
        "DOCKER_CONFIG": str(tmp_path / "b"),
        "HOME": str(tmp_path / "h"),
        "XDG_RUNTIME_DIR": str(tmp_path / "r"),
    }
    order = []
    while environ:
        found = find_credential("ghcr.io", world(**environ))
        assert found is not None
        order.append(found.username)
        del environ[{"a": "REGISTRY_AUTH_FILE", "b": "DOCKER_CONFIG", "h": "HOME", "r": "XDG_RUNTIME_DIR"}[order[-1]]]
    assert order == ["a", "b", "h", "r"]


def test_docker_hub_has_several_names(tmp_path: Path) -> None:
    """The key that `docker login` writes, and the others."""
    for key in ("https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"):
        file = configured(tmp_path, auths={key: {"auth": encoded("u", "s")}})
        assert find_credential("docker.io", world(DOCKER_CONFIG=str(file.parent))) is not None


def test_github_token() -> None:
    """A job's token is for ghcr.io, and for nothing else."""
    found = find_credential("ghcr.io", world(GITHUB_TOKEN="t", GITHUB_ACTOR="octocat"))
    assert found == Credential(username="octocat", secret="t")
    assert find_credential("ghcr.io", world(GITHUB_TOKEN="t")) == Credential(username="x-access-token", secret="t")
    assert find_credential("ghcr.io.evil.example", world(GITHUB_TOKEN="t")) is None
    assert find_credential("ghcr.io", world()) is None


@pytest.mark.parametrize("members", [{"credHelpers": {"ghcr.io": "acme"}}, {"credsStore": "acme"}])
@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ('{"Username": "u", "Secret": "s"}', Credential(username="u", secret="s")),
        ('{"Username": "<token>", "Secret": "t"}', Credential(identity_token="t")),
        ('{"Username": "", "Secret": ""}', None),
    ],
)
def test_helpers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: dict[str, object], answer: str, found: Credential | None
) -> None:
    """The helper is handed the host on standard input; `credHelpers` names one for a host, `credsStore` for all."""
    helper(tmp_path, "acme", f"read host; test \"$host\" = ghcr.io && echo '{answer}'")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    file = configured(tmp_path / "c", **members)
    assert find_credential("ghcr.io", world(DOCKER_CONFIG=str(file.parent))) == found


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("echo 'credentials not found in native keychain'; exit 1", ""),
        ("exit 1", "registry-helper"),
        ("echo nonsense", "registry-helper"),
        ("echo '[]'", "registry-helper"),
        ("echo '{\"Username\": 5}'", "registry-helper"),
    ],
)
def test_helpers_that_give_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, code: str) -> None:
    """One that knows nothing of the host is passed over; a broken one is told."""
    helper(tmp_path, "acme", script)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    file = configured(tmp_path / "c", credsStore="acme", auths={"ghcr.io": {"auth": encoded("u", "s")}})
    if not code:
        assert find_credential("ghcr.io", world(DOCKER_CONFIG=str(file.parent))) is not None
        return
    with pytest.raises(SigstepError) as caught:
        find_credential("ghcr.io", world(DOCKER_CONFIG=str(file.parent)))
    assert caught.value.code == code


def test_identity_token(running: Running, tmp_path: Path) -> None:
    """It is handed to the token service as a refresh token (OAuth 2)."""
    image, manifest = running.push()
    running.registry.access = "token"
    for token, good in (("secret", True), ("expired", False)):
        file = configured(tmp_path, auths={running.host: {"identitytoken": token}})
        client = running.client(DOCKER_CONFIG=str(file.parent))
        if good:
            assert client.manifest(image).digest == manifest.digest
            continue
        with pytest.raises(ServiceError) as caught:
            client.manifest(image)
        assert caught.value.code == "registry-unauthorized"


def test_anonymous(running: Running, tmp_path: Path) -> None:
    """What everybody may read is read without credentials, and with expired ones; writing is refused."""
    image, manifest = running.push()
    running.registry.access, running.registry.public = "token", True
    file = configured(tmp_path, auths={running.host: {"auth": encoded("user", "expired")}})
    for client in (running.client(), running.client(DOCKER_CONFIG=str(file.parent))):
        assert client.manifest(image).digest == manifest.digest
        with pytest.raises(ServiceError) as caught:
            client.put_blob(image, b"more")
        assert caught.value.code == "registry-unauthorized"


def test_one_challenge_is_enough(running: Running, tmp_path: Path) -> None:
    """A known challenge is answered beforehand, and a token is kept for its scope."""
    image, _ = running.push()
    running.registry.access = "token"
    file = configured(tmp_path, auths={running.host: {"auth": encoded("user", "secret")}})
    client = running.client(DOCKER_CONFIG=str(file.parent))
    running.registry.requests.clear()
    for _ in range(3):
        client.manifest(image)
    client.put_blob(image, b"x")
    assert len(running.registry.requests) == 4 + 3  # one 401; then a HEAD, a POST and a PUT


def test_given_credential(running: Running) -> None:
    """A library's caller hands one over."""
    image, manifest = running.push()
    running.registry.access = "basic"
    client = Client(world(), Settings(credential=Credential(username="user", secret="secret"), retry_seconds=0))
    assert client.manifest(image).digest == manifest.digest


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(kind="garbage"), "registry-token"),
        (Fault(kind="status", status=403), "registry-unauthorized"),
        (Fault(kind="status", status=404), "registry-token"),
        (Fault(kind="status", status=503), "service-unavailable"),
        (Fault(kind="drop"), "service-unavailable"),
    ],
)
def test_token_services_that_fail(running: Running, tmp_path: Path, fault: Fault, code: str) -> None:
    """Each is told by its code."""
    image, _ = running.push()
    running.registry.access = "token"
    file = configured(tmp_path, auths={running.host: {"auth": encoded("user", "secret")}})
    running.faults.set("registry-token", fault)
    with pytest.raises(ServiceError) as caught:
        running.client(DOCKER_CONFIG=str(file.parent)).manifest(image)
    assert caught.value.code == code


def test_a_challenge_that_is_none(running: Running) -> None:
    """Other schemes than Basic and Bearer are not answered; nor is Basic without a name."""
    image, _ = running.push()
    for access in ("negotiate", "basic"):
        running.registry.access = access
        with pytest.raises(ServiceError) as caught:
            running.client().manifest(image)
        assert caught.value.code == "registry-unauthorized"


def test_plain_http_on_demand() -> None:
    """Only this machine, and hosts that were named."""
    transport = Transport(world(), Settings(plain_http=frozenset({"registry.example:5000"})))
    from sigstep.oci.reference import parse_reference

    addresses = [
        transport.url(parse_reference(name), "x").partition("/v2/")[0]
        for name in ("registry.example:5000/a", "registry.example/a", "127.0.0.1:5/a", "alpine")
    ]
    assert addresses == [
        "http://registry.example:5000",
        "https://registry.example",
        "http://127.0.0.1:5",
        "https://registry-1.docker.io",
    ]
