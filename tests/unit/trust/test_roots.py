"""What the package carries: the anchors and the first trust material of each instance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripts.refresh_roots import FILES, STORES, packaged
from tests import worlds

from sigstep.errors import FormatError, TrustError, UsageError
from sigstep.flows.trust import TrustRequest, load_signing, load_trust
from sigstep.model import limits
from sigstep.trust.instances import GITHUB_PROFILE, KNOWN, instance_of, tenant
from sigstep.wire import signing_config
from sigstep.wire.trusted_root import parse_trusted_roots


def test_the_copies_are_those_of_the_sigstore_package() -> None:
    """Issue 4: a test says when they differ; then run scripts/refresh_roots.py."""
    for instance in STORES:
        for file in FILES:
            assert KNOWN[instance].file(file) == packaged(instance, file), (instance, file)


def test_what_is_no_trusted_root() -> None:
    """Another document, and more roots in lines than are read."""
    for data in (b"{}", b'{"mediaType": "x"}', b"{}\n" * (limits.TRUST_ROOTS + 1)):
        with pytest.raises(FormatError) as caught:
            parse_trusted_roots(data, name="x")
        assert caught.value.code == "trusted-root-malformed"


def test_several_roots_on_indented_lines() -> None:
    """Blank lines and spaces around the documents of JSON Lines mean nothing."""
    one = packaged("staging", "trusted_root.json").replace(b"\n", b"")
    roots = parse_trusted_roots(b"\r\n  " + one + b"\r\n \n" + one + b"  ", name="x")
    assert [root.name for root in roots] == ["x#1", "x#2"]


def test_the_first_offline_run_knows_every_instance(tmp_path: Path) -> None:
    """Design: embedded trusted roots, so that the first offline run works."""
    world = worlds.world(environ={"SIGSTEP_CACHE_DIR": str(tmp_path)})
    roots = load_trust(TrustRequest(instances=tuple(KNOWN), offline=True), world).roots
    assert [root.name for root in roots] == ["public-good", "staging", "github"]
    assert roots[2].thresholds == GITHUB_PROFILE
    assert roots[0].logs
    assert not roots[2].logs
    assert [root.name for root in load_trust(TrustRequest(offline=True), world).roots] == ["public-good", "github"]


def test_services_of_each_instance(tmp_path: Path) -> None:
    """GitHub's instance writes to no log; the public ones write publicly."""
    world = worlds.world(environ={"SIGSTEP_CACHE_DIR": str(tmp_path)})
    public = load_signing(TrustRequest(instances=("public-good",), offline=True), world)
    github = load_signing(TrustRequest(instances=("github",), offline=True), world)
    assert public.writes_publicly
    assert not github.writes_publicly
    assert github.services.logs == ()
    assert github.services.certificate_authorities[0].url == "https://fulcio.githubapp.com"


def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    public = KNOWN["public-good"]
    root, config = public.file("trusted_root.json"), public.file("signing_config.v0.2.json")
    assert root is not None
    assert config is not None
    both = {
        "mediaType": signing_config.TRUST_CONFIG_MEDIA_TYPE,
        "trustedRoot": json.loads(root),
        "signingConfig": json.loads(config),
    }
    paths = tmp_path / "root.json", tmp_path / "config.json", tmp_path / "both.json"
    for path, data in zip(paths, (root, config, json.dumps(both).encode()), strict=True):
        path.write_bytes(data)
    return paths


def test_files_stand_for_an_instance(tmp_path: Path) -> None:
    """A plain trusted root, a signing config, a client trust config; a config that names a public log is public."""
    root, config, both = files(tmp_path)
    world = worlds.world()
    assert load_trust(TrustRequest(trusted_roots=(root,)), world).roots[0].name == "root.json"
    assert load_trust(TrustRequest(trust_config=both), world).roots[0].name == "both.json"
    for request in (TrustRequest(trust_config=both), TrustRequest(trusted_roots=(root,), signing_config=config)):
        trust = load_signing(request, world)
        assert trust.custom
        assert trust.writes_publicly


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (TrustRequest(instances=("elsewhere",)), "instance-unknown"),
        (TrustRequest(instances=("https://tuf.example",)), "tuf-root-missing"),
        (
            TrustRequest(instances=("https://tuf.example",), tuf_root=Path("/nowhere/root.json")),
            "trust-file-unreadable",
        ),
        (TrustRequest(), "signing-instance"),
        (TrustRequest(trusted_roots=(Path(__file__),)), "json-malformed"),
    ],
)
def test_a_request_that_names_no_instance_is_refused(request_: TrustRequest, code: str) -> None:
    """Each has its own code."""
    with pytest.raises((UsageError, FormatError)) as caught:
        load_signing(request_, worlds.world())
    assert caught.value.code == code


def test_offline_without_anything_says_so(tmp_path: Path) -> None:
    """A custom repository that was never asked."""
    root, _, _ = files(tmp_path)
    world = worlds.world(environ={"SIGSTEP_CACHE_DIR": str(tmp_path)})
    with pytest.raises(TrustError) as caught:
        load_trust(TrustRequest(instances=("https://tuf.example",), tuf_root=root, offline=True), world)
    assert caught.value.code == "trust-not-cached"


def test_a_tenant_has_its_own_target() -> None:
    """GitHub's repository holds one trusted root for each tenant."""
    assert tenant("octo.ghe.com", "octo.ghe.com").root_target == "octo.ghe.com.trusted_root.json"
    assert instance_of("github").root_target == "trusted_root.json"
