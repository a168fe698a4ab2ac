"""Version changes against registries on loopback, each with the verdict it has to get (issue 8), incidents among them.

All of them stand in one repository and are examined in one run, as in a large pull request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.attesting import Who, bundle, sha256, sri, statement
from tests.market import Made, Market, python_files
from tests.repositories import commits
from tests.sandboxes import sandbox

from sigstep.flows.dependencies import DependencyRequest, examine_dependencies
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.model.dependency import DependencyReport, DependencyResult, EvidenceState, Level
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox
from sigstep.wire.registry_keys import parse_registry_keys

__all__ = ["sandbox"]

S = EvidenceState
ALICE = Who()
MOVED = ALICE.but(repository="acme/renamed")
EVE = ALICE.but(repository="evil/app", repository_id="666", owner_id="6660")
HOURS, WEEK = timedelta(hours=2), timedelta(days=7)
FAIL, WARN = Level.FAIL, Level.WARN


def old(who: Who | None = ALICE, **more: object) -> Made:
    """The replaced version."""
    return replace(Made("1.0.0", who), **more)  # type: ignore[arg-type]


def new(who: Who | None = ALICE, *quirks: str, **more: object) -> Made:
    """The new version."""
    return replace(Made("1.1.0", who, quirks=frozenset(quirks)), **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Case:
    """One change: what is published, the state that its evidence gets, and every rule above a note."""

    title: str
    before: Made | None
    after: Made
    state: EvidenceState
    loud: tuple[tuple[str, Level], ...] = ()
    notes: tuple[str, ...] = ()
    earlier: tuple[Made, ...] = ()
    repository: str = "git+https://github.com/acme/app.git"


LOST = (("provenance-lost", FAIL),)
NPM = [
    # incidents of reference/dependencies.md, 3.3
    Case("axios-2026-token-publish", old(), new(None, age=HOURS), S.ABSENT, LOST, ("too-new",)),
    Case("nx-2025", old(), new(None), S.ABSENT, LOST),
    Case("eslint-config-prettier-10", old(), new(None, age=WEEK), S.ABSENT, LOST),
    Case(
        "eslint-config-prettier-8",
        old(None),
        new(None, age=HOURS),
        S.ABSENT,
        (("provenance-lost-in-history", WARN),),
        earlier=(Made("10.1.5", ALICE, age=WEEK),),
    ),
    Case("chalk-2025-is-not-caught", old(None), new(None, age=HOURS), S.ABSENT, (), ("no-provenance", "too-new")),
    Case("shai-hulud-with-provenance-before", old(), new(None, age=HOURS), S.ABSENT, LOST),
    Case("shai-hulud-without-is-not-caught", old(None), new(None, age=HOURS), S.ABSENT, (), ("too-new",)),
    Case(
        "tanstack-2026",
        old(),
        new(ALICE.but(run="911"), age=HOURS),
        S.VERIFIED,
        (("publishing-run-failed", WARN),),
        ("too-new",),
    ),
    Case("antv-2026", old(None), new(EVE, age=HOURS), S.VERIFIED, (("first-provenance-elsewhere", WARN),)),
    # publishers
    Case("same", old(), new(), S.VERIFIED),
    Case("old-shape-to-new", old(shape="intoto"), new(), S.VERIFIED),
    Case("old-shape-stays", old(shape="intoto"), new(shape="intoto"), S.VERIFIED),
    Case("rekor-v2", old(), new(shape="rekor-v2"), S.VERIFIED),
    Case("names-only-before", old(ALICE.but(old=True)), new(), S.VERIFIED),
    Case(
        "names-only-and-other", old(ALICE.but(old=True)), new(EVE), S.VERIFIED, (("publisher-changed", FAIL),)
    ),
    Case("other-repository", old(), new(EVE), S.VERIFIED, (("publisher-changed", FAIL),)),
    Case(
        "same-name-other-id", old(), new(ALICE.but(repository_id="7")), S.VERIFIED, (("publisher-changed", FAIL),)
    ),
    Case("renamed", old(), new(MOVED), S.VERIFIED, (), ("renamed",)),
    Case("transferred", old(), new(ALICE.but(owner_id="9")), S.VERIFIED, (("owner-transferred", WARN),)),
    Case("workflow-moved", old(), new(ALICE.but(workflow="publish.yml")), S.VERIFIED, (), ("workflow-changed",)),
    Case(
        "builder-weakened",
        old(ALICE.but(builder="slsa/generator/.github/workflows/b.yml@refs/tags/v2")),
        new(),
        S.VERIFIED,
        (("builder-weakened", WARN),),
    ),
    Case("environment-lost", old(ALICE.but(environment="npm")), new(), S.VERIFIED, (("environment-lost", WARN),)),
    Case("self-hosted", old(), new(ALICE.but(runner="self-hosted")), S.VERIFIED, (("self-hosted-runner", WARN),)),
    Case(
        "nuxt-like-trigger",
        old(),
        new(ALICE.but(trigger="pull_request_target", ref="refs/heads/main")),
        S.VERIFIED,
        (("risky-trigger", WARN),),
        ("ref-kind-changed",),
    ),
    Case("gained", old(None), new(), S.VERIFIED, (), ("gained-provenance",)),
    Case("added", None, new(), S.VERIFIED),
    Case("trusted-publisher-lost", old(quirks=frozenset({"trusted"})), new(ALICE, "untrusted"), S.VERIFIED,
         (("trusted-publisher-lost", WARN),)),
    # evidence
    Case("404", old(), new(ALICE, "404"), S.ADVERTISED_UNAVAILABLE, (("evidence-unavailable", WARN),)),
    Case("404-never-verified", old(None), new(ALICE, "404"), S.ADVERTISED_UNAVAILABLE, (), ("evidence-unavailable",)),
    Case("empty-list", old(), new(None, "empty"), S.ADVERTISED_UNAVAILABLE, (("evidence-unavailable", WARN),)),
    Case("mirror-strips", old(), new(None, "unsigned"), S.NOT_SERVED, (("index-without-attestations", WARN),)),
    Case("registry-signature", old(), new(ALICE, "bad-signature"), S.VERIFIED, (("registry-signature-invalid", FAIL),)),
    Case("wrong-subject", old(), new(ALICE, "wrong-subject"), S.INVALID, (("subject-mismatch", FAIL),)),
    Case("wrong-digest", old(), new(ALICE, "wrong-digest"), S.INVALID, (("subject-mismatch", FAIL),)),
    Case("other-publish", old(), new(ALICE, "other-publish"), S.INVALID, (("subject-mismatch", FAIL),)),
    Case("unknown-registry-key", old(), new(ALICE, "unknown-key"), S.VERIFIED),
    Case("other-hash", old(), new(ALICE, "other-hash"), S.VERIFIED, (("digest-mismatch", FAIL),)),
]  # fmt: skip
PYPI = [
    Case("ultralytics-2024-wave-2", old(), new(None, age=HOURS), S.ABSENT, LOST, ("too-new",)),
    Case("ultralytics-2024-wave-1-is-not-caught", old(), new(age=HOURS), S.VERIFIED, (), ("too-new",)),
    Case("litellm-2026-is-not-caught", old(None), new(None, age=HOURS), S.ABSENT, (), ("no-provenance", "too-new")),
    Case("same", old(), new(), S.VERIFIED),
    Case("other-repository", old(), new(EVE), S.VERIFIED, (("publisher-changed", FAIL),)),
    Case("renamed", old(), new(MOVED), S.VERIFIED, (), ("renamed",)),
    Case("partial", old(), new(ALICE, "partial"), S.VERIFIED, (("provenance-partial", WARN),)),
    Case("partial-before-too", old(quirks=frozenset({"partial"})), new(ALICE, "partial"), S.VERIFIED),
    Case("two-publishers", None, new(ALICE, "two-publishers"), S.VERIFIED, (("provenance-inconsistent", WARN),)),
    Case("yanked", old(), new(ALICE, "yanked"), S.VERIFIED, (("yanked", WARN),)),
    Case("html-mirror", old(), new(ALICE, "html"), S.NOT_SERVED, (), ("index-without-attestations",)),
    Case("unaware-mirror", old(None), new(ALICE, "unaware"), S.NOT_SERVED, (), ("index-without-attestations",)),
    Case("elsewhere", old(None), new(ALICE, "elsewhere"), S.NOT_SERVED, (), ("index-without-attestations",)),
    Case("404", old(), new(ALICE, "404"), S.ADVERTISED_UNAVAILABLE, (("evidence-unavailable", WARN),)),
    Case("empty-provenance", old(), new(ALICE, "empty"), S.INVALID, (("attestation-invalid", FAIL),)),
    Case("other-file", old(), new(ALICE, "wrong-name"), S.INVALID, (("subject-mismatch", FAIL),)),
    Case("other-publisher-claimed", old(), new(ALICE, "wrong-publisher"), S.INVALID, (("attestation-invalid", FAIL),)),
    Case("signature", old(), new(ALICE, "bad-signature"), S.INVALID, (("attestation-invalid", FAIL),)),
    Case("gained", old(None), new(), S.VERIFIED, (), ("gained-provenance",)),
]
CARGO = [
    Case("same-word", old(), new(), S.ASSERTED),
    Case("word-lost", old(), new(None), S.ABSENT, (("trusted-publisher-lost", WARN),)),
    Case("word-changed", old(), new(EVE), S.ASSERTED, (("publisher-changed", FAIL),)),
    Case("no-word", old(None), new(None), S.ABSENT, (), ("no-provenance",)),
    Case("yanked", old(), new(ALICE, "yanked"), S.ASSERTED, (("yanked", WARN),)),
    Case("silent-registry", old(None), new(ALICE, "unaware"), S.NOT_SERVED, (), ("index-without-attestations",)),
    Case("other-hash", old(), new(ALICE, "other-hash"), S.ASSERTED, (("digest-mismatch", FAIL),)),
    Case("attested-at-github", old(), new(), S.VERIFIED),
]
GEM = [
    Case("same", old(), new(), S.VERIFIED),
    Case("lost", old(), new(None), S.ABSENT, LOST),
    Case("other-repository", old(), new(EVE), S.VERIFIED, (("publisher-changed", FAIL),)),
    Case("repaired-certificate", old(), new(ALICE, "pem"), S.VERIFIED),
    Case("repaired-kind", old(), new(ALICE, "no-kind"), S.VERIFIED),
    Case("other-file", old(), new(ALICE, "other-file"), S.INVALID, (("subject-mismatch", FAIL),)),
    Case("other-hash", old(None), new(None, "other-hash"), S.ABSENT, (("digest-mismatch", FAIL),)),
    Case("unaware", old(), new(ALICE, "404"), S.NOT_SERVED, (("index-without-attestations", WARN),)),
]
MAVEN = [
    Case("same", old(), new(), S.VERIFIED),
    Case("lost", old(), new(None), S.ABSENT, LOST),
    Case("other-repository", old(), new(EVE), S.VERIFIED, (("publisher-changed", FAIL),)),
    Case("other-file", old(), new(ALICE, "other-file"), S.INVALID, (("subject-mismatch", FAIL),)),
]
ASSETS = [
    Case("same", old(), new(), S.VERIFIED),
    Case("lost", old(), new(None), S.ABSENT, LOST),
    Case("other-repository", old(), new(EVE), S.INVALID, (("subject-mismatch", FAIL),)),
    Case("tarball-without-provenance-is-not-caught", old(None), new(None), S.ABSENT, (), ("no-provenance",)),
]
FAMILIES = {"npm": NPM, "pypi": PYPI, "cargo": CARGO, "gem": GEM, "maven": MAVEN, "github": ASSETS}
ALL = [(family, case) for family, cases in FAMILIES.items() for case in cases]


def publish(market: Market) -> None:
    """Everything that the cases need."""
    for case in NPM:
        made = [*case.earlier, *([case.before] if case.before else []), case.after]
        market.npm(case.title, *made, repository=case.repository)
    for case in PYPI:
        market.pypi(case.title, *([case.before] if case.before else []), case.after)
    for case in CARGO:
        market.cargo(case.title, *([case.before] if case.before else []), case.after)
    for case in GEM:
        market.gem(case.title, *([case.before] if case.before else []), case.after)
    for case in MAVEN:
        market.maven("org.acme", case.title, *([case.before] if case.before else []), case.after)
    market.run("acme/app", "4004", "success")
    market.run("acme/app", "911", "failure")
    crate = Made("1.1.0").data("attested-at-github")
    payload = statement("x.crate", {"sha256": sha256(crate)}, "https://slsa.dev/provenance/v1")
    market.attested("acme/app", f"sha256:{sha256(crate)}", bundle(market.sandbox, payload, ALICE.certificate()))
    for case in ASSETS:
        for side in (case.before, case.after):
            if side is not None and side.who is not None:
                digest = sha256(side.data(case.title))
                payload = statement("asset", {"sha256": digest}, "https://slsa.dev/provenance/v1")
                who = side.who.but(repository=f"acme/{case.title}") if side.who is ALICE else side.who
                one = bundle(market.sandbox, payload, who.certificate())
                market.attested(f"acme/{case.title}", f"sha256:{digest}", one)


def lockfiles(market: Market, *, after: bool) -> dict[str, str]:
    """What the base and the head lock."""
    chosen: dict[str, list[tuple[str, Made]]] = {}
    for family, cases in FAMILIES.items():
        sides = [(case.title, case.after if after else case.before) for case in cases]
        chosen[family] = [(title, made) for title, made in sides if made is not None]
    packages = {
        f"node_modules/{name}": {
            "version": made.version,
            "resolved": f"{market.url}/npm/{name}/-/{name}-{made.version}.tgz",
            "integrity": sri(made.data(name)),
        }
        for name, made in chosen["npm"]
    }
    return {
        "package-lock.json": json.dumps({"lockfileVersion": 3, "packages": packages}, indent=1),
        "uv.lock": "version = 1\n" + "".join(uv(market, name, made) for name, made in chosen["pypi"]),
        "Cargo.lock": "".join(
            f'[[package]]\nname = "{name}"\nversion = "{made.version}"\nsource = "registry+{market.url}/cargo"\n'
            f'checksum = "{sha256(made.data(name))}"\n'
            for name, made in chosen["cargo"]
        ),
        "Gemfile.lock": f"GEM\n  remote: {market.url}/gem/\n  specs:\n"
        + "".join(f"    {name} ({made.version})\n" for name, made in chosen["gem"])
        + "\nCHECKSUMS\n"
        + "".join(f"  {name} ({made.version}) sha256={sha256(made.data(name))}\n" for name, made in chosen["gem"]),
        "verification-metadata.xml": "<verification-metadata>\n"
        + "".join(
            f'<component group="org.acme" name="{name}" version="{made.version}">'
            f'<artifact name="{name}-{made.version}.jar"><sha256 value="{sha256(made.data(name))}"/></artifact>'
            "</component>\n"
            for name, made in chosen["maven"]
        )
        + "</verification-metadata>\n",
        "mise.lock": "".join(
            f'[[tools.{name}]]\nversion = "{made.version}"\n[tools.{name}.platforms.linux]\n'
            f'checksum = "sha256:{sha256(made.data(name))}"\n'
            f'url = "https://github.com/acme/{name}/releases/download/v{made.version}/{name}"\n'
            for name, made in chosen["github"]
        ),
    }


def uv(market: Market, name: str, made: Made) -> str:
    """A package of uv.lock."""
    wheel, sdist = (
        f'{{ url = "{market.url}/files/{file}", hash = "sha256:{sha256(made.data(name, file))}" }}'
        for file in python_files(name, made.version)
    )
    source = f'source = {{ registry = "{market.url}/simple" }}'
    return f'[[package]]\nname = "{name}"\nversion = "{made.version}"\n{source}\nsdist = {sdist}\nwheels = [{wheel}]\n'


@pytest.fixture(scope="module")
def market(sandbox: Sandbox) -> Iterator[Market]:
    """The registries, with everything published."""
    with Market(sandbox) as running:
        publish(running)
        yield running


def request(market: Market, folder: Path, base: str = "s0", head: str = "s1") -> DependencyRequest:
    """A comparison with the sandbox's roots and the registries' keys."""
    config = Path(market.sandbox.environ(token=False)["SIGSTEP_TRUST_CONFIG"])
    return DependencyRequest(
        repository=folder,
        base=base,
        head=head,
        trust=load_trust(TrustRequest(trust_config=config), real_world()),
        registry_keys=parse_registry_keys(market.npm_keys()),
        registries=market.registries(),
        notary=market.notary_key,
    )


@pytest.fixture(scope="module")
def report(market: Market, tmp_path_factory: pytest.TempPathFactory) -> DependencyReport:
    """One run over all changes."""
    folder = tmp_path_factory.mktemp("repository")
    commits(folder, lockfiles(market, after=False), lockfiles(market, after=True))
    return examine_dependencies(request(market, folder), replace(real_world(), environ={}))


def result_of(report: DependencyReport, family: str, title: str) -> DependencyResult:
    """The result of one case."""
    for one in report.results:
        new = one.change.new
        if new.ecosystem == family and new.name in {title, f"org.acme:{title}", f"acme/{title}"}:
            return one
    raise AssertionError(title)


@pytest.mark.parametrize(("family", "case"), ALL, ids=[f"{family}-{case.title}" for family, case in ALL])
def test_change(report: DependencyReport, family: str, case: Case) -> None:
    """The state, every rule above a note, and the notes that matter."""
    found = result_of(report, family, case.title)
    said = [(one.rule, one.level, one.message) for one in found.findings]
    assert found.new.state is case.state, (found.new, said)
    assert tuple(dict.fromkeys((rule, level) for rule, level, _ in said if level is not Level.NOTE)) == case.loud, said
    assert set(case.notes) <= {rule for rule, _, _ in said}, said


@pytest.mark.parametrize(
    ("family", "title", "message"),
    [
        ("pypi", "empty-provenance", "an attestation does not hold (provenance-empty)"),
        ("pypi", "other-file", "an attestation is about another file"),
        ("npm", "wrong-subject", "an attestation is about another package"),
        ("npm", "other-publish", "an attestation is about another package"),
    ],
)
def test_an_answer_that_is_about_nothing_or_something_else(
    report: DependencyReport, family: str, title: str, message: str
) -> None:
    """The reason is told, not only that it does not hold: the digest is right and the name is not, or nothing is there."""
    assert message in " ".join(one.message for one in result_of(report, family, title).findings)


def test_there_are_enough() -> None:
    """Issue 8: at least 60 version changes with expected verdicts."""
    assert len(ALL) >= 60


def test_words_of_proofs(report: DependencyReport) -> None:
    """What was proved is named: never more than it was."""
    basis = {
        (family, title): result_of(report, family, title).new.basis
        for family, title in (
            ("npm", "same"),
            ("cargo", "same-word"),
            ("cargo", "attested-at-github"),
            ("maven", "same"),
        )
    }
    assert list(basis.values()) == ["provenance", "registry's word", "provenance", "signature"]
    assert "no inclusion proof" in " ".join(result_of(report, "npm", "old-shape-stays").new.notes)
    assert "not known" in " ".join(result_of(report, "npm", "unknown-registry-key").new.notes)
    assert "mended" in " ".join(result_of(report, "gem", "repaired-kind").new.notes)
