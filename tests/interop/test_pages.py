"""The report as a page in a real browser: what it shows, that it fits, and that hostile text runs nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sigstep.flows.attest import AttestRequest, attest
from sigstep.flows.signing_run import SigningOptions
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.flows.verify import VerifyRequest, verify
from sigstep.model.receipt import Receipt
from sigstep.model.statement import Predicate
from sigstep.model.verdict import Finding, Report
from sigstep.oidc.given import TokenFile
from sigstep.policy.rule import any_signer_unsafe
from sigstep.ports.real import real_world
from sigstep.rendering.html import report_html
from sigstep.rendering.page import Told
from sigstep.sandbox.local import Sandbox
from sigstep.stores.files import FileStore
from sigstep.subjects.files import FileSubjects

HOSTILE = "<img src=x onerror=document.title='forged'>.txt"
SECONDS = 120


def browsed(page: Path, *options: str) -> str:
    """The document as a browser has it after everything in it ran."""
    browser = shutil.which("chromium")
    assert browser is not None, "chromium is not on PATH; `python -m tests.interop.tools` installs it"
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", profile, *options, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about two files: one attested, one that nobody signed and whose name is markup."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "app-1.0.whl").write_bytes(b"app")
    (folder / HOSTILE).write_bytes(b"hostile")
    with Sandbox() as box:
        (folder / "token").write_text(box.token())
        trust = TrustRequest(trust_config=box.trust_config_file)
        request = AttestRequest(
            subjects=FileSubjects(patterns=(str(folder / "app-1.0.whl"),)),
            options=SigningOptions(trust=trust, sources=(TokenFile(path=folder / "token"),)),
            predicates=(Predicate(type="https://slsa.dev/provenance/v1", content={}, kind="provenance"),),
            store=FileStore(),
        )
        attest(request, real_world())
        targets = (folder / "app-1.0.whl", folder / HOSTILE)
        rule = any_signer_unsafe(reason="a page")
        report = verify(VerifyRequest(targets=targets, rule=rule, trust=load_trust(trust, real_world())), real_world())
    missing = Finding(
        code="github-permission",
        what="the token may not do this at GitHub",
        why="status 403",
        fix="give the job the permission",
        paste="permissions:\n  attestations: write",
    )
    told = Told(
        receipts=(Receipt(store="release", location="v1/app", url="https://github.com/acme/app/releases/v1"),),
        problems=(("github: app-1.0.whl", missing),),
        commands=("sigstep verify app-1.0.whl --repo acme/app",),
    )
    path = folder / "report.html"
    path.write_text(report_html(Report(verdicts=report.verdicts), told))
    return path


def test_the_page_is_read(page: Path) -> None:
    """Title, both subjects, what to paste and the chain are there; nothing of the name became an element or ran."""
    document = browsed(page, "--dump-dom")
    assert "<title>sigstep: 1 of 2 verified</title>" in document
    assert "forged" not in document.partition("</title>")[0]
    assert "<img" not in document
    assert "<script" not in document
    assert "permissions:\n  attestations: write" in document
    assert document.count('<ol class="chain">') == 1
    assert document.count("<tr>") == 3


def test_the_page_fits(page: Path) -> None:
    """A narrow screen shows a picture that is not blank."""
    picture = page.parent / "page.png"
    browsed(page, f"--screenshot={picture}", "--window-size=1100,1400")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000
