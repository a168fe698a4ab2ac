"""Images between sigstep and cosign 3, both directions, on registries that others wrote; and with oras, umoci and skopeo.

The matrix: four registries (olareg and the sandbox's with the referrers API; Debian's docker-registry behind a password and the
sandbox's with the stand-in tag), both directions, signature and
attestation, bundle and the tags of older cosign, an index and one of its platforms.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.flows.test_images import push, run
from tests.interop.registries import Served, docker_registry, olareg
from tests.interop.tools import tool
from tests.sandboxes import sandbox
from tests.unit.oci.conftest import referrer

from sigstep.cli.attest import command as attest
from sigstep.cli.download import command as download
from sigstep.cli.images import copy_command, load_command, prune_command, save_command, tree_command
from sigstep.cli.sign import command as sign
from sigstep.cli.verify import command as verify
from sigstep.errors import SigstepError
from sigstep.oci.client import Client, Settings
from sigstep.oci.reference import Reference, parse_reference
from sigstep.oci.referrers import attach, list_referrers
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]
TYPE = "https://acme.example/check/v1"
REGISTRIES = ("olareg", "docker-registry", "sandbox", "sandbox without referrers")


@pytest.fixture(scope="module")
def served(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Served]]:
    """All registries; the sandbox's own is taken in both its forms."""
    folders = [tmp_path_factory.mktemp("registry") for _ in range(3)]
    with olareg(folders[0]) as first, docker_registry(folders[1]) as second:
        own = [Served(name=name, url=sandbox.url, docker_config=folders[2]) for name in REGISTRIES[2:]]
        yield {one.name: one for one in (first, second, *own)}


@pytest.fixture
def registry(
    request: pytest.FixtureRequest, sandbox: Sandbox, served: dict[str, Served], monkeypatch: pytest.MonkeyPatch
) -> Served:
    """The registry that a test is about; its password is in Docker's configuration."""
    found = served[request.param]
    sandbox.registry.referrers = "without" not in request.param
    monkeypatch.setenv("DOCKER_CONFIG", str(found.docker_config))
    return found


def called(*command: str, folder: Path, registry: Served | None = None) -> subprocess.CompletedProcess[str]:
    """A program to its end, with an empty home."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "COSIGN_YES": "true"}  # noqa: TID251
    if registry is not None:
        environ["DOCKER_CONFIG"] = str(registry.docker_config)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environ)


def succeeded(*command: str, folder: Path, registry: Served | None = None) -> str:
    """The output of a program that has to succeed."""
    done = called(*command, folder=folder, registry=registry)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def cosign(sandbox: Sandbox, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Cosign with an empty home."""
    del sandbox
    return called(tool("cosign"), *arguments, folder=folder)


def verifying(sandbox: Sandbox) -> tuple[str, ...]:
    """Whom cosign expects."""
    identity = ("--certificate-identity-regexp", ".*acme/app.*", "--certificate-oidc-issuer-regexp", ".*")
    return ("--trusted-root", str(sandbox.trusted_root_file), *identity)


def trusted(sandbox: Sandbox) -> tuple[str, ...]:
    """Whom sigstep expects."""
    return ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app")


def signing(sandbox: Sandbox, form: str = "bundle") -> tuple[str, ...]:
    """How cosign signs here."""
    token = ("--identity-token", sandbox.token(), "--trusted-root", str(sandbox.trusted_root_file))
    if form == "bundle":
        return ("--signing-config", str(sandbox.folder / "signing_config.v0.2.json"), *token)
    services = ("--fulcio-url", sandbox.url, "--rekor-url", sandbox.url)
    return ("--new-bundle-format=false", "--use-signing-config=false", *services, *token)


def predicate(folder: Path) -> tuple[str, ...]:
    """What is attested."""
    (folder / "p.json").write_text('{"ok": true}')
    return ("--type", TYPE, "--predicate", str(folder / "p.json"))


def meant(image: Reference, target: str) -> str:
    """The index by its tag, or its only platform by digest."""
    if target == "index":
        return str(image)
    return str(image.at(Client(real_world()).manifest(image).manifests[0].digest))


def _flat(registry: Served) -> str:
    return registry.name.replace(" ", "-")


@pytest.mark.parametrize("registry", REGISTRIES, indirect=True)
@pytest.mark.parametrize("target", ["index", "platform"])
@pytest.mark.parametrize("form", ["bundle", "legacy"])
@pytest.mark.parametrize("kind", ["sign", "attest"])
class TestMatrix:
    """32 cells in each direction."""

    def test_cosign_verifies_ours(
        self, sandbox: Sandbox, registry: Served, tmp_path: Path, kind: str, form: str, target: str
    ) -> None:
        """The index is signed with each image that it lists; cosign verifies the one or the other by its digest."""
        image = push(registry, f"ours-{kind}-{form}-{target}-{_flat(registry)}")
        options = ("--recursive", "--attach-as", form)
        said = predicate(tmp_path) if kind == "attest" else ()
        assert run(sandbox, sign if kind == "sign" else attest, str(image), *said, *options)[0] == 0
        asked = ("verify-attestation", "--type", TYPE) if kind == "attest" else ("verify",)
        format_ = () if form == "bundle" else ("--new-bundle-format=false",)
        command = (tool("cosign"), *asked, *format_, *verifying(sandbox), meant(image, target))
        succeeded(*command, folder=tmp_path, registry=registry)

    def test_ours_verifies_cosign(
        self, sandbox: Sandbox, registry: Served, tmp_path: Path, kind: str, form: str, target: str
    ) -> None:
        """What cosign attaches to an index, or to one platform of it."""
        image = push(registry, f"theirs-{kind}-{form}-{target}-{_flat(registry)}")
        said = predicate(tmp_path) if kind == "attest" else ()
        command = (tool("cosign"), kind, *said, *signing(sandbox, form), meant(image, target))
        succeeded(*command, folder=tmp_path, registry=registry)
        options = ("--platform", "linux/amd64") if target == "platform" else ()
        wanted = ("--type", TYPE) if kind == "attest" else ()
        status, output = run(sandbox, verify, str(image), *options, *wanted, *trusted(sandbox))
        assert status == 0, output
        stranger = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "evil/app")
        assert run(sandbox, verify, str(image), *options, *wanted, *stranger)[0] == 1


@pytest.mark.parametrize("registry", REGISTRIES, indirect=True)
def test_both_attach_to_one_image(sandbox: Sandbox, registry: Served, tmp_path: Path) -> None:
    """Neither tool drops what the other has attached, and what oras attaches stays beside it."""
    image = str(push(registry, f"shared-{_flat(registry)}"))
    assert run(sandbox, sign, image)[0] == 0
    succeeded(tool("cosign"), "sign", *signing(sandbox, "bundle"), image, folder=tmp_path, registry=registry)
    (tmp_path / "note.txt").write_text("hello")
    oras = (tool("oras"), "attach", "--plain-http", "--disable-path-validation")
    artifact = ("--artifact-type", "application/vnd.acme.note", image, f"{tmp_path / 'note.txt'}:text/plain")
    succeeded(*oras, *artifact, folder=tmp_path, registry=registry)
    assert run(sandbox, sign, image)[0] == 0
    listed = run(sandbox, tree_command, image)[1]
    assert (listed.count("cosign/sign"), listed.count("vnd.acme.note")) == (3, 1)
    discover = (tool("oras"), "discover", "--plain-http", "--format", "json", image)
    found = json.loads(succeeded(*discover, folder=tmp_path, registry=registry))
    kinds = [one["artifactType"] for one in found.get("referrers", found.get("manifests", ()))]
    assert sorted(kinds) == ["application/vnd.acme.note", *["application/vnd.dev.sigstore.bundle.v0.3+json"] * 3]
    succeeded(tool("cosign"), "verify", *verifying(sandbox), image, folder=tmp_path, registry=registry)
    assert run(sandbox, prune_command, image, "--yes", "--keep", "1")[0] == 0
    listed = run(sandbox, tree_command, image)[1]
    assert (listed.count("cosign/sign"), listed.count("vnd.acme.note")) == (1, 1)
    assert run(sandbox, verify, image, *trusted(sandbox))[0] == 0


@pytest.mark.parametrize("registry", REGISTRIES, indirect=True)
def test_moved_by_others_and_by_us(sandbox: Sandbox, registry: Served, tmp_path: Path) -> None:
    """`oras copy -r` and `cosign save` take our bundles along; `sigstep copy` and `load` bring what cosign verifies."""
    image = str(push(registry, f"moving-{_flat(registry)}"))
    assert run(sandbox, sign, image, "--recursive")[0] == 0
    oras = (tool("oras"), "copy", "--recursive", "--from-plain-http", "--to-plain-http")
    theirs = image.replace("moving", "moved-by-oras")
    succeeded(*oras, image, theirs, folder=tmp_path, registry=registry)
    assert run(sandbox, verify, theirs, *trusted(sandbox))[0] == 0
    layout = f"{tmp_path / 'oras'}:v1"
    succeeded(*oras[:-1], "--to-oci-layout", image, layout, folder=tmp_path, registry=registry)
    assert run(sandbox, verify, f"oci:{layout}", "--offline", *trusted(sandbox))[0] == 0
    saved = str(tmp_path / "cosign")
    succeeded(tool("cosign"), "save", "--dir", saved, image, folder=tmp_path, registry=registry)
    status, output = run(sandbox, verify, saved, "--offline", *trusted(sandbox))
    assert status == 0, output
    assert run(sandbox, save_command, image, str(tmp_path / "ours"))[0] == 0
    ours = image.replace("moving", "moved-by-us")
    assert run(sandbox, copy_command, image, ours)[0] == 0
    loaded = image.replace("moving", "loaded-by-us")
    assert run(sandbox, load_command, str(tmp_path / "ours"), loaded)[0] == 0
    for there in (ours, loaded):
        succeeded(tool("cosign"), "verify", *verifying(sandbox), there, folder=tmp_path, registry=registry)
        assert run(sandbox, verify, there, "--recursive", *trusted(sandbox))[0] == 0


def test_cosign_reads_what_we_saved(sandbox: Sandbox, tmp_path: Path) -> None:
    """`cosign verify --local-image` on our folder, of an image with the tags of older cosign and one with bundles."""
    sandbox.registry.referrers = True
    for form in ("legacy", "bundle"):
        image = push(sandbox, f"saved-{form}")
        child = meant(image, "platform")
        assert run(sandbox, sign, child, "--attach-as", form)[0] == 0
        folder = str(tmp_path / form)
        assert run(sandbox, save_command, child, folder)[0] == 0
        options = ("--new-bundle-format=false",) if form == "legacy" else ()
        command = (tool("cosign"), "verify", *options, *verifying(sandbox), "--local-image", folder)
        succeeded(*command, folder=tmp_path)


@pytest.mark.parametrize("registry", REGISTRIES, indirect=True)
def test_images_of_umoci(sandbox: Sandbox, registry: Served, tmp_path: Path) -> None:
    """An image that umoci built is loaded, signed, verified by cosign; skopeo's archives are read, Docker's old ones told."""
    layout = tmp_path / "built"
    for command in (
        ("umoci", "init", "--layout", str(layout)),
        ("umoci", "new", "--image", f"{layout}:v1"),
        ("umoci", "config", "--image", f"{layout}:v1", "--author", "acme"),
    ):
        succeeded(*command, folder=tmp_path)
    (tmp_path / "file").write_text("content")
    succeeded("umoci", "insert", "--image", f"{layout}:v1", str(tmp_path / "file"), "/file", folder=tmp_path)
    image = f"{registry.host}/umoci-{_flat(registry)}:v1"
    assert run(sandbox, load_command, f"oci:{layout}:v1", image)[0] == 0
    assert run(sandbox, sign, image)[0] == 0
    succeeded(tool("cosign"), "verify", *verifying(sandbox), image, folder=tmp_path, registry=registry)
    archive = tmp_path / "image.tar"
    pull = ("skopeo", "copy", "--src-tls-verify=false", f"docker://{image}")
    succeeded(*pull, f"oci-archive:{archive}:v1", folder=tmp_path, registry=registry)
    again = f"{registry.host}/umoci-again-{_flat(registry)}:v1"
    assert run(sandbox, load_command, f"oci-archive:{archive}:v1", again)[0] == 0
    client = Client(real_world())
    assert client.manifest(parse_reference(again)).digest == client.manifest(parse_reference(image)).digest
    old = tmp_path / "old.tar"
    succeeded(*pull, f"docker-archive:{old}:app:v1", folder=tmp_path, registry=registry)
    with pytest.raises(SigstepError) as caught:
        run(sandbox, verify, f"docker-archive:{old}", *trusted(sandbox))
    assert caught.value.code == "layout-docker-archive"


def test_a_registry_that_forbids_the_question(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """olareg without referrers answers 405 to the listing, which also means that a tag stands in for it."""
    with olareg(tmp_path, referrers=False) as registry:
        monkeypatch.setenv("DOCKER_CONFIG", str(registry.docker_config))
        image = str(push(registry, "forbidding"))
        for _ in range(2):
            assert run(sandbox, sign, image)[0] == 0
        assert run(sandbox, tree_command, image)[1].count("cosign/sign") == 2
        assert run(sandbox, verify, image, *trusted(sandbox))[0] == 0


@pytest.mark.parametrize("registry", ["docker-registry"], indirect=True)
def test_a_wrong_password(sandbox: Sandbox, registry: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code says so, whatever is asked."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for command in (sign, verify, tree_command):
        options = trusted(sandbox) if command is verify else ()
        with pytest.raises(SigstepError) as caught:
            run(sandbox, command, f"{registry.host}/app:v1", *options)
        assert caught.value.code == "registry-unauthorized"


@pytest.mark.parametrize("registry", ["docker-registry"], indirect=True)
def test_fifty_attaches_at_once(registry: Served) -> None:
    """Fifty writers, each with a client of its own, on a real registry without the referrers API: none is lost."""
    image = push(registry, "fifty")
    root = Client(real_world()).manifest(image)

    def attach_one(number: int) -> None:
        client = Client(real_world(), Settings(retry_seconds=120))
        attach(client, image, referrer(client, image, root, number))

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(attach_one, range(50)))
    found = list_referrers(Client(real_world()), image, root.digest)
    assert sorted(int(one.annotations["number"]) for one in found) == list(range(50))


def test_a_downloaded_older_signature(sandbox: Sandbox, tmp_path: Path) -> None:
    """cosign signs as before version 3; the payload and bundle that we write verify with both."""
    image = push(sandbox, "older-by-cosign")
    succeeded(tool("cosign"), "sign", *signing(sandbox, "legacy"), str(image), folder=tmp_path)
    assert run(sandbox, download, str(image), "--output-dir", str(tmp_path))[0] == 0
    (payload,) = tmp_path.glob("*.signed-*.json")
    assert run(sandbox, verify, str(payload), "--offline", *trusted(sandbox))[0] == 0
    bundle = f"{payload}.sigstore.jsonl"
    succeeded(tool("cosign"), "verify-blob", "--bundle", bundle, *verifying(sandbox), str(payload), folder=tmp_path)
