"""Trust files of one's own, TUF repositories over HTTP with their attacks and outages, and tenants of GitHub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from tests import worlds
from tests.worlds import SimulatedClock

from sigstep.cli.main import sigstep
from sigstep.errors import SigstepError, TrustError
from sigstep.flows.signing_run import with_instance
from sigstep.flows.trust import TrustRequest, load_signing, load_trust
from sigstep.ports.http import Response
from sigstep.ports.real import RealClock, RealEntropy, RealProcess
from sigstep.ports.requests_http import RequestsHttp
from sigstep.ports.world import World
from sigstep.sandbox import tuf_repository
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(RealClock().now())


@pytest.fixture
def box(clock: SimulatedClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as running:
        yield running


@pytest.fixture
def world(box: Sandbox, clock: SimulatedClock, tmp_path: Path) -> World:
    environ = box.environ() | {"SIGSTEP_CACHE_DIR": str(tmp_path / "cache")}
    return World(http=RequestsHttp(), clock=clock, entropy=RealEntropy(), environ=environ, process=RealProcess())


def run(box: Sandbox, cache: Path, *arguments: object) -> Result:
    environ = box.environ() | {"SIGSTEP_CACHE_DIR": str(cache)}
    return CliRunner().invoke(sigstep, [str(one) for one in arguments], env=environ, standalone_mode=False)


def code(result: Result) -> str:
    assert isinstance(result.exception, SigstepError), result.output
    return result.exception.code


def parts(box: Sandbox, folder: Path) -> list[str]:
    """The options of ``trust create`` that describe the sandbox."""

    def key(name: str, private: object) -> Path:
        path = folder / f"{name}.pem"
        public = private.public_key()  # type: ignore[attr-defined]
        path.write_bytes(
            public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return path

    def chain(name: str, *certificates: object) -> Path:
        path = folder / f"{name}.pem"
        path.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates))  # type: ignore[attr-defined]
        return path

    window = "start-time=2020-01-01T00:00:00Z,operator=me"
    authority, stamps = box.authority, box.timestamp_authority
    stamping = chain("tsa", stamps.leaf.certificate, stamps.root.certificate)
    return [
        f"--fulcio=url={box.url},certificate-chain={chain('ca', *authority.chain)},{window}",
        f"--ctfe=url={box.url},public-key={key('ct', box.ct_log.key)},{window}",
        f"--rekor=url={box.url},public-key={key('v1', box.log_v1.key)},{window},end-time=2090-01-01T00:00:00Z",
        f"--tsa=url={box.url}/api/v1/timestamp,certificate-chain={stamping},{window}",
        f"--oidc=url={box.url},{window}",
    ]


def test_an_instance_made_from_its_parts(box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``trust create``: what it writes signs and verifies, with Rekor v1 and with v2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.whl").write_bytes(b"app")
    v2 = f"--rekor=url={box.url},public-key=v2.pem,api-version=2,start-time=2020-01-01T00:00:00Z,operator=me"
    created = run(box, tmp_path, "trust", "create", *parts(box, tmp_path), "own")
    assert created.exception is None, created.exception
    made = json.loads((tmp_path / "own" / "trusted_root.json").read_text())
    real = box.trusted_root()
    assert [one["logId"] for one in made["tlogs"]] == [real["tlogs"][0]["logId"]]
    public = box.log_v2.key.public_key()
    (tmp_path / "v2.pem").write_bytes(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert run(box, tmp_path, "trust", "create", *parts(box, tmp_path), v2, "both").exception is None
    both = json.loads((tmp_path / "both" / "trusted_root.json").read_text())
    assert [one["logId"] for one in both["tlogs"]] == [one["logId"] for one in real["tlogs"]]
    for folder in ("own", "both"):  # two logs of one operator: the newer version is used
        config = f"{folder}/client_trust_config.json"
        signed = run(box, tmp_path, "sign", "app.whl", "--trust-config", config)
        assert signed.exception is None, signed.exception
        root = f"{folder}/trusted_root.json"
        checked = run(box, tmp_path, "verify", "app.whl", "--trusted-root", root, "--repo", "acme/app")
        assert checked.return_value == 0, checked.output


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (("--fulcio=url=https://a.example,certificate-chain=v1.pem",), "trust-part-unusable"),
        (("--fulcio=url=https://a.example,certificate-chain=tsa.pem",), "trust-part-unusable"),
        (("--fulcio=url=https://a.example,certificate-chain=none.pem",), "trust-part-unusable"),
        (("--rekor=url=https://a.example,public-key=ca.pem",), "trust-part-unusable"),
        (("--rekor=url=https://a.example",), "trust-part-unusable"),
        (("--oidc=url=gopher://a.example",), "trust-part-unusable"),
        (("--rekor=public-key=v1.pem",), "option-malformed"),
        (("--tsa=url=https://a.example,colour=red",), "option-malformed"),
        (("--rekor=url=https://a.example,public-key=v1.pem,api-version=two",), "option-malformed"),
        (("--rekor=url=https://a.example,public-key=v1.pem,start-time=soon",), "option-malformed"),
        (("--rekor-choice=MOST",), "option-malformed"),
        (("--tsa-choice=0",), "option-malformed"),
    ],
)
def test_parts_that_make_no_instance(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: tuple[str, ...], expected: str
) -> None:
    """Refused where they are made, not where they are used."""
    monkeypatch.chdir(tmp_path)
    parts(box, tmp_path)
    assert code(run(box, tmp_path, "trust", "create", *changed, "out")) == expected
    assert not (tmp_path / "out").exists()


def test_a_repository_is_begun_with_once(box: Sandbox, tmp_path: Path) -> None:
    """``trust init`` keeps the anchor; the address alone is enough from then on."""
    cache = tmp_path / "cache"
    assert code(run(box, cache, "trust", "update", box.tuf_url)) == "tuf-root-missing"
    begun = run(box, cache, "trust", "init", box.tuf_url, "--tuf-root", box.folder / "root.json")
    assert begun.exception is None, begun.exception
    assert "timestamp authority" in begun.output
    assert run(box, cache, "trust", "update", box.tuf_url).exception is None
    (tmp_path / "app.whl").write_bytes(b"app")
    signed = run(box, cache, "sign", tmp_path / "app.whl", "--instance", box.tuf_url)
    assert signed.exception is None, signed.exception


def test_a_repository_under_another_root_is_not_begun_with(box: Sandbox, tmp_path: Path) -> None:
    """Nothing is kept of it."""
    with Sandbox() as other:
        result = run(box, tmp_path / "cache", "trust", "init", box.tuf_url, "--tuf-root", other.folder / "root.json")
    assert code(result) == "tuf-refused"
    assert code(run(box, tmp_path / "cache", "trust", "update", box.tuf_url)) == "tuf-root-missing"


def asked(box: Sandbox) -> TrustRequest:
    return TrustRequest(instances=(box.tuf_url,), tuf_root=box.folder / "root.json", update=True)


@pytest.mark.parametrize("attack", ["expired", "oversized", "rollback", "wrong-keys", "wrong-target"])
def test_attacks_of_a_repository(box: Sandbox, world: World, attack: str) -> None:
    """TUF specification 1.5.2, over HTTP: rollback, freeze, wrong keys, endless data; nothing of it is kept."""
    load_trust(asked(box), world)
    box.tuf.publish()
    load_trust(asked(box), world)
    changed = {"trusted_root.json": b'{"evil":1}', "signing_config.v0.2.json": b"{}"}
    box.tuf.publish(attack, targets=changed)
    with pytest.raises(TrustError) as caught:
        load_trust(asked(box), world)
    assert caught.value.code == "tuf-refused"
    kept = load_trust(replace(asked(box), update=False), world)
    assert kept.roots[0].certificate_authorities


def test_a_frozen_repository_ends_with_its_expiry(box: Sandbox, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old state that is served for ever is refused when its timestamp has run out (python-tuf's own clock)."""
    monkeypatch.setitem(tuf_repository._DAYS, "timestamp", 3 / 86400)
    box.tuf.publish()
    load_trust(asked(box), world)
    RealClock().sleep(3.1)
    with pytest.raises(TrustError) as caught:
        load_trust(asked(box), world)
    assert caught.value.code == "tuf-refused"


@pytest.mark.parametrize("kind", ["drop", "status", "delay"])
def test_an_outage_with_a_fresh_cache_stops_no_run(
    box: Sandbox, world: World, clock: SimulatedClock, kind: str
) -> None:
    """Within the timestamp's validity the cache stands; after it, it does not."""
    load_trust(asked(box), world)
    box.faults.set("tuf", Fault(kind=kind, seconds=0.2))
    if kind != "delay":
        began = clock.monotonic()
        assert load_trust(asked(box), world).roots[0].logs
        assert clock.monotonic() - began <= 30
        clock.advance(3 * 86400)
        with pytest.raises(TrustError) as caught:
            load_trust(asked(box), world)
        assert caught.value.code == "tuf-unreachable"
    else:
        assert load_trust(asked(box), world).roots[0].logs


TENANT = "octo.ghe.com"


def meta(body: object, status: int = 200) -> worlds.Answering:
    def answering(sent: worlds.Sent) -> Response:
        assert "authorization" not in {name.lower() for name in sent.headers}
        if sent.url == f"https://api.{TENANT}/meta":
            return worlds.answer(status, json.dumps(body).encode())
        return worlds.no_network(sent)

    return answering


def tenant_world(tmp_path: Path, body: object, status: int = 200, **environ: str) -> World:
    variables = {"SIGSTEP_CACHE_DIR": str(tmp_path), "GITHUB_ACTIONS": "true", **environ}
    return worlds.world(meta(body, status), environ=variables)


TRUST_DOMAIN = {"domains": {"artifact_attestations": {"trust_domain": "octo-domain"}}}


def test_a_tenant_has_services_and_root_of_its_own(tmp_path: Path, box: Sandbox) -> None:
    """``*.ghe.com``: the trust domain is asked for once, names the target, and the services stand under the host."""
    world = tenant_world(tmp_path, TRUST_DOMAIN)
    request = TrustRequest(instances=(TENANT,))
    with pytest.raises(TrustError) as caught:
        load_signing(request, world)
    assert caught.value.code == "tuf-unreachable"  # the root is looked for in GitHub's repository
    from sigstep.trust import cache
    from sigstep.trust.instances import GITHUB

    place = cache.folder(GITHUB.tuf_url, world) / "targets" / "octo-domain.trusted_root.json"
    cache.write(place, box.trusted_root_file.read_bytes())
    found = load_signing(replace(request, offline=True), world)
    assert [one.url for one in found.services.certificate_authorities] == ["https://fulcio.octo.ghe.com"]
    assert [one.url for one in found.services.timestamp_authorities] == [
        "https://timestamp.octo.ghe.com/api/v1/timestamp"
    ]
    assert not found.writes_publicly


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 200), ([], 200), ({"domains": {"artifact_attestations": {"trust_domain": "../x"}}}, 200), ({}, 401)],
)
def test_a_tenant_without_a_trust_domain(tmp_path: Path, body: object, status: int) -> None:
    """Nothing stands in for it."""
    with pytest.raises(TrustError) as caught:
        load_signing(TrustRequest(instances=(TENANT,)), tenant_world(tmp_path, body, status))
    assert caught.value.code == "trust-domain-unknown"


def test_a_tenant_that_was_never_asked_offline(tmp_path: Path) -> None:
    """Offline asks nobody."""
    with pytest.raises(TrustError) as caught:
        load_trust(TrustRequest(instances=(TENANT,), offline=True), tenant_world(tmp_path, TRUST_DOMAIN))
    assert caught.value.code == "trust-domain-unknown"


@pytest.mark.parametrize(
    ("server", "in_github", "visibility", "expected"),
    [
        ("https://github.com", True, "public", "public-good"),
        ("https://github.com", True, "private", "github"),
        ("https://github.com", True, "internal", "github"),
        ("https://octo.ghe.com", True, "public", TENANT),
        ("https://octo.ghe.com", True, "private", TENANT),
        ("https://github.acme.example", True, "public", ""),
        ("https://evilghe.com", True, "public", ""),
        ("https://github.com", False, "public", "public-good"),
        ("https://github.com", False, "private", ""),
        ("https://github.com", False, "", None),
    ],
)
def test_server_and_visibility_decide(server: str, in_github: bool, visibility: str, expected: str | None) -> None:
    """Issue 4, instances: public, GitHub's own, a tenant's; elsewhere a custom config is asked for."""
    environ = {"GITHUB_SERVER_URL": server, "GITHUB_ACTIONS": "true" if in_github else ""}
    world = worlds.world(environ=environ)
    if expected == "":
        with pytest.raises(SigstepError) as caught:
            with_instance(TrustRequest(), visibility, world)
        assert caught.value.code == "signing-instance"
        assert "--trust-config" in caught.value.fix
    else:
        assert with_instance(TrustRequest(), visibility, world).instances == ((expected,) if expected else ())
