"""``sigstep policy explain``, ``test``, ``replay`` and ``recall``."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.flows.test_images import run
from tests.flows.test_policy_engines import called
from tests.flows.test_policy_images import judged
from tests.flows.test_verify_sandbox import verified
from tests.sandboxes import sandbox
from tests.unit.refusals import code_of

from sigstep.cli.policy import group
from sigstep.model.digest import Digest
from sigstep.policy.cases import load_cases
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

WORKFLOW = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
POLICY = f"""
schema: sigstep/policy/v1
signers:
  release: {{issuer: "{ISSUER}", subject: "{WORKFLOW}", trust: public}}
  loose: {{issuer: "{ISSUER}", subject: {{glob: "https://github.com/acme/app/**"}}}}
  ops: {{key: ./ops.pub, log: required}}
rules:
- name: app
  images: [ghcr.io/acme/app]
  exclude: [ghcr.io/acme/app-x]
  formats: [bundle]
  signature: {{at-least: 1, of: [release, ops]}}
  attestations:
  - {{type: "https://slsa.dev/provenance/v1", any-of: [release], where: [{{path: predicate.n, at-least: 2}}]}}
- {{name: old, blobs: ["tools/**"], allow: {{reason: moved, until: 2027-01-01}}}}
- {{name: bad, blobs: ["*.exe"], deny: {{reason: never}}, mode: warn}}
- {{name: files, blobs: ["hello"], signature: {{any-of: [loose]}}}}
recalls: [{{commit: c0ffee, reason: leaked, date: 2026-01-01}}]
recall-list: {{file: ./recalls.yml, protected: CODEOWNERS, max-age: 7d}}
defaults: {{no-match: warn, require-digest: true}}
"""
SIGNER = f'issuer: "{ISSUER}", subject: "{WORKFLOW}"'
PROVENANCE = f'{{{SIGNER}, type: "https://slsa.dev/provenance/v1", predicate: {{n: 2}}}}'
CASES = f"""
schema: sigstep/policy-tests/v1
cases:
- {{name: released, image: ghcr.io/acme/app, proofs: [{{{SIGNER}}}, {PROVENANCE}], expect: admit}}
- {{name: by key, image: ghcr.io/acme/app, proofs: [{{key: ops}}, {PROVENANCE}], expect: admit}}
- {{name: key without log, image: ghcr.io/acme/app, proofs: [{{key: ops, log: false}}, {PROVENANCE}], expect: deny, codes: [policy-signature-missing]}}
- {{name: old form, image: ghcr.io/acme/app, proofs: [{{{SIGNER}, format: legacy}}, {PROVENANCE}], expect: deny}}
- {{name: other instance, image: ghcr.io/acme/app, proofs: [{{{SIGNER}, trust: github}}, {PROVENANCE}], expect: deny}}
- {{name: recalled, image: ghcr.io/acme/app, proofs: [{{{SIGNER}, extensions: {{source-repository-digest: c0ffee}}}}], expect: deny, codes: [policy-recalled]}}
- {{name: tools, file: tools/a, at: 2026-12-31, expect: admit}}
- {{name: tools later, file: tools/a, at: 2027-01-02, expect: deny, codes: [policy-allow-expired]}}
- {{name: exe, file: a.exe, expect: warn}}
- {{name: nobody, image: ghcr.io/other/x, expect: warn, codes: [policy-no-rule]}}
"""


def write(folder: Path, text: str = POLICY) -> Path:
    """A policy file with its key and an empty recall list."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / "ops.pub").write_bytes(key.public_bytes(serialization.Encoding.PEM, form))
    (folder / "sigstep.yml").write_text(text)
    return folder / "sigstep.yml"


def policy(*arguments: str) -> tuple[int, str]:
    """Exit status and output of ``sigstep policy``."""
    result = CliRunner().invoke(group, arguments, standalone_mode=False, catch_exceptions=False)
    return result.return_value or 0, result.output


def test_explain(tmp_path: Path) -> None:
    """Every part of the file is said in words; of a target only what names it."""
    file = write(tmp_path)
    status, text = policy("explain", "--policy", str(file))
    assert status == 0
    for words in (
        "rule app: images ghcr.io/acme/app, but not ghcr.io/acme/app-x",
        "counts only what is kept as bundle",
        "needs a signature by at least 1 of release, ops",
        "by release; one of theirs satisfies:",
        "predicate.n at-least 2",
        f"release is {WORKFLOW}, vouched for by {ISSUER}, of public-good",
        "ops is the key ./ops.pub, in a log",
        "is accepted without proof until 2027-01-01: moved",
        "is denied: never",
        "(only warns)",
        "what no rule names is accepted with a warning",
        "named by a tag is refused",
        "recalled on 2026-01-01: commit c0ffee: leaked",
        "recalls in ./recalls.yml count too",
    ):
        assert words in text
    _, text = policy("explain", "--policy", str(file), "ghcr.io/acme/app:v1", "tools/x", "ghcr.io/Bad/x", "other")
    assert "ghcr.io/acme/app:v1: 1 of 4 rules name it" in text
    assert "other: 0 of 4 rules name it\n  what no rule names is accepted with a warning" in text


def test_cases(tmp_path: Path) -> None:
    """Supposed signatures are judged as proved ones would be; a case that differs is told with its reason."""
    text = "\n".join(line for line in POLICY.splitlines() if not line.startswith("recall-list"))
    file = write(tmp_path, text)
    cases = tmp_path / "cases.yml"
    cases.write_text(CASES)
    status, output = policy("test", str(cases), "--policy", str(file))
    assert (status, output.count("as expected")) == (0, 10), output
    cases.write_text(CASES.replace("expect: admit", "expect: deny"))
    status, output = policy("test", str(cases), "--policy", str(file))
    assert (status, output.count("DIFFERS")) == (1, 3)
    cases.write_text(CASES.replace("key: ops", "key: nobody"))
    assert code_of(lambda: policy("test", str(cases), "--policy", str(file))) == "policy-case"


def test_the_page(tmp_path: Path) -> None:
    """The cases of the policy file's page hold for its first policy."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "policy-file.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    file = write(tmp_path, blocks[0])
    (tmp_path / "cases.yml").write_text(next(one for one in blocks if "policy-tests/v1" in one))
    status, output = policy("test", str(tmp_path / "cases.yml"), "--policy", str(file))
    assert (status, output.count("as expected")) == (0, 2), output


def test_the_recall_list_is_read(sandbox: Sandbox, tmp_path: Path) -> None:
    """Cases of a policy with a recall list need the list: it is told where it is not here; what is recalled is denied;
    an old one decides nothing."""
    file = write(tmp_path)
    cases = tmp_path / "cases.yml"
    cases.write_text(CASES)
    status, output = policy("test", str(cases), "--policy", str(file))
    assert (status, "unknown (before: admit)" in output, "recalls.yml is not here" in output) == (1, True, True)
    recalls = tmp_path / "recalls.yml"
    head = "schema: sigstep/recalls/v1\nissued: {issued}\n"
    recalls.write_text(head.format(issued=f"{real_world().clock.now():%Y-%m-%dT%H:%M:%SZ}"))
    cases.write_text(re.sub(", at: [0-9-]+, expect: [a-z]+(, codes: [^}]*)?", ", expect: admit", CASES))
    status, output = policy("test", str(cases), "--policy", str(file))
    assert (status, output.count("as expected")) == (0, 10), output
    bad = "recalls: [{identity: {issuer: '" + ISSUER + "', subject: '" + WORKFLOW + "'}, reason: x, date: 2026-01-01}]"
    recalls.write_text(recalls.read_text() + bad)
    status, output = policy("test", str(cases), "--policy", str(file))
    assert (status, output.count("deny (before: admit)"), output.count("policy-recalled")) == (1, 2, 3), output
    recalls.write_text(head.format(issued="2020-01-01T00:00:00Z"))
    status, output = policy("test", str(cases), "--policy", str(file))
    assert (status, "policy-recalls-stale" in output) == (1, True)
    file.write_text(file.read_text().replace("protected: CODEOWNERS", "signed-by: [release]"))
    trust = ("--trusted-root", str(sandbox.trusted_root_file))
    assert code_of(lambda: policy("test", str(cases), "--policy", str(file), *trust)) == "recalls-unsigned"


@pytest.mark.parametrize(
    "text",
    [
        "schema: other",
        "schema: sigstep/policy-tests/v1",
        "schema: sigstep/policy-tests/v1\n---\na: b",
        "schema: sigstep/policy-tests/v1\ncases: [{name: a, expect: admit}]",
        "schema: sigstep/policy-tests/v1\ncases: [{name: a, image: b, file: c, expect: admit}]",
        "schema: sigstep/policy-tests/v1\ncases: [{name: a, image: b, expect: maybe}]",
        "schema: sigstep/policy-tests/v1\ncases: [{name: a, image: b, expect: admit, proofs: [{}]}]",
        "schema: sigstep/policy-tests/v1\ncases: [{name: a, image: b, expect: admit, proofs: [{key: a, issuer: b}]}]",
        "schema: sigstep/policy-tests/v1\ncases: [{name: a, image: b, expect: admit, proofs: [{key: a, format: c}]}]",
    ],
)
def test_malformed_cases(text: str) -> None:
    """A test file that says something else than its schema is refused."""
    assert code_of(lambda: load_cases(text.encode())) == "policy-malformed"


def test_replay(sandbox: Sandbox, tmp_path: Path) -> None:
    """Recorded verdicts are judged by a draft; what changes is told, and no verdict is nothing to have tried."""
    file = tmp_path / "draft.yml"
    loose = "subject: {glob: 'https://github.com/acme/app/**'}"
    rule = "rules: [{name: r, blobs: [hello], signature: {any-of: [s]}}]"
    file.write_text(f"schema: sigstep/policy/v1\nsigners: {{s: {{issuer: '{ISSUER}', {loose}}}}}\n{rule}")
    report = tmp_path / "report.json"
    report.write_text(verified(sandbox, tmp_path, "--repo", "acme/app", "--format", "json")[1])
    status, output = policy("replay", str(report), "--policy", str(file))
    assert (status, output.startswith("unchanged  ")) == (0, True)
    file.write_text(file.read_text().replace("acme/app", "acme/other"))
    status, output = policy("replay", str(report), "--policy", str(file))
    assert (status, "CHANGES" in output, "policy-signature-missing" in output) == (1, True, True)
    for bad in ("{}", '{"schema": "sigstep/report/v1"}', "[]"):
        report.write_text(bad)
        assert code_of(lambda: policy("replay", str(report), "--policy", str(file))) == "replay-malformed"


def test_replay_reads_the_recall_list(sandbox: Sandbox, tmp_path: Path) -> None:
    """A draft whose signed list recalls what a report accepted changes that verdict."""
    file = tmp_path / "draft.yml"
    loose = "subject: {glob: 'https://github.com/acme/app/**'}"
    rule = "rules: [{name: r, blobs: [hello], signature: {any-of: [s]}}]"
    file.write_text(f"schema: sigstep/policy/v1\nsigners: {{s: {{issuer: '{ISSUER}', {loose}}}}}\n{rule}\n")
    report = tmp_path / "report.json"
    report.write_text(verified(sandbox, tmp_path, "--repo", "acme/app", "--format", "json")[1])
    digest = json.loads(report.read_text())["verdicts"][0]["subject"]["digests"][0]
    file.write_text(file.read_text() + "recall-list: {file: recalls.yml, signed-by: [s], max-age: 7d}\n")
    trust = ("--policy", str(file), "--trusted-root", str(sandbox.trusted_root_file))
    status, output = policy("replay", str(report), *trust)
    assert (status, "is not here" in output, "policy-recalls-stale" in output) == (1, True, True)
    recalls = str(tmp_path / "recalls.yml")
    for what, expected in ((Digest.of(b"other"), (0, False)), (digest, (1, True))):
        assert called(sandbox, "recall", "add", recalls, "--digest", str(what), "--reason", "x")[0] == 0
        assert code_of(lambda: policy("replay", str(report), *trust)) == "recalls-unsigned"
        assert called(sandbox, "recall", "sign", recalls)[0] == 0
        status, output = policy("replay", str(report), *trust)
        assert (status, "policy-recalled" in output) == expected, output


def test_replay_of_images(sandbox: Sandbox, tmp_path: Path) -> None:
    """By the repository, and the form in which each signature was kept."""
    from tests.flows.test_images import push

    from sigstep.cli.sign import command as sign

    image = str(push(sandbox, "replayed"))
    assert run(sandbox, sign, image)[0] == 0
    _, text = judged(sandbox, tmp_path, image, "signature: {any-of: [release]}")
    report = tmp_path / "report.json"
    report.write_text(text)
    assert policy("replay", str(report), "--policy", str(tmp_path / "sigstep.yml"))[0] == 0
    file = tmp_path / "sigstep.yml"
    file.write_text(file.read_text().replace('images: ["**"]', "images: [ghcr.io/other]"))
    assert policy("replay", str(report), "--policy", str(file))[0] == 1


def test_recall_commands(sandbox: Sandbox, tmp_path: Path) -> None:
    """Add, list and sign; verify honours what was added."""
    from tests.flows.test_images import push

    from sigstep.cli.sign import command as sign

    image = push(sandbox, "recalled-by-command")
    assert run(sandbox, sign, str(image))[0] == 0
    file = str(tmp_path / "recalls.yml")
    more = "recall-list: {file: recalls.yml, signed-by: [release], max-age: 7d}"
    rule = "signature: {any-of: [release]}"
    assert called(sandbox, "recall", "add", file, "--commit", "c0ffee", "--reason", "old leak")[0] == 0
    assert called(sandbox, "recall", "sign", file)[0] == 0
    assert judged(sandbox, tmp_path, str(image), rule, more=more)[0] == 0
    window = ("--from", "2020-01-01", "--until", "2099-01-01")
    options = ("--issuer", ISSUER, "--reason", "stolen", *window)
    assert called(sandbox, "recall", "add", file, "--identity", WORKFLOW, *options)[0] == 0
    assert code_of(lambda: judged(sandbox, tmp_path, str(image), rule, more=more)) == "recalls-unsigned"
    assert called(sandbox, "recall", "sign", file)[0] == 0
    assert judged(sandbox, tmp_path, str(image), rule, more=more)[0] == 1
    _, output, _ = called(sandbox, "recall", "list", file)
    assert "2 recalled" in output
    assert f"identity {WORKFLOW} from 2020-01-01" in output


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--commit", "a", "--run", "b"),
        ("--identity", "a"),
        ("--commit", "a", "--issuer", "b"),
        ("--commit", "a", "--from", "2026-01-01"),
    ],
)
def test_a_recall_names_one_thing(tmp_path: Path, options: tuple[str, ...]) -> None:
    """And nothing is written otherwise."""
    file = tmp_path / "recalls.yml"
    assert code_of(lambda: policy("recall", "add", str(file), "--reason", "x", *options)) == "option-conflict"
    assert not file.exists()


def test_a_digest_has_to_be_one(tmp_path: Path) -> None:
    """What could not be read again is not written."""
    file = tmp_path / "recalls.yml"
    add = ("recall", "add", str(file), "--reason", "x", "--digest")
    assert code_of(lambda: policy(*add, "zz")).startswith("digest-")
    assert not file.exists()
    assert policy(*add, "sha256:" + "a" * 64)[0] == 0


def test_suppositions_accept_nothing() -> None:
    """Design, idea 3: supposed proofs are made for trying policies, and nothing else may use them."""
    source = Path(__file__).parents[2] / "src" / "sigstep"
    users = {
        str(file.relative_to(source))
        for file in source.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "sigstep.verification.supposed"
    }
    assert users == {"flows/policy_rehearsal.py"}
