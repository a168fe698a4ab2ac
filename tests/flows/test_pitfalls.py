"""Mistakes that verifiers of Sigstore made, each as a bad vector: an advisory, or a pitfall that clients fell into.

Each row makes one bundle (or request) that a verifier with that mistake accepts, and asserts the code of the refusal.

Rows of the list that no bundle can show, and where they are held:

- login without state and nonce, tokens of other issuers (GHSA-59jp-pj84-45mr, GHSA-f83f-xpx7-ffpw): there is no login
  here; tokens are in ``tests/unit/oidc/test_tokens.py``;
- the flood of attachments, layers and blobs of an image (GHSA-vfp6-jrw2-99g9, GHSA-88jx-383q-w4qc,
  GHSA-95pr-fxf5-86gv): ``tests/flows/test_hostile_images.py`` and ``tests/unit/oci/test_hostile.py``;
- trust material from the service that it vouches for, and names of TUF targets as paths (GHSA-xvrc-2wvh-49vc,
  GHSA-fcv2-xgw5-pqxf): keys come from trusted roots only; ``tests/flows/test_trust.py``, ``tests/unit/trust``;
- a token that is sent to other hosts (GHSA-8xvp-7hj6-mcj9): ``tests/flows/test_secrets.py`` and
  ``tests/unit/ports/test_requests_http.py``;
- a certificate that expires while a log is waited for: signing; ``tests/flows/test_fault_table.py``;
- requests that are hard to parse for a time-stamping server (GHSA-4qg8-fj49-pxjh): there is no public server here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flows.bad_vectors import (
    NOW,
    STATEMENT,
    Bench,
    attestation,
    entry_of_another,
    expired_intermediate,
    foreign_sct,
    hint_changed,
    in_hex,
    key_inside,
    longer_issuer,
    merged_roots,
    message,
    note,
    of_certificate,
    old_promise_of_another,
    only_a_proof,
    other_hash,
    pae_in_characters,
    repeated,
    same_names,
    spaced,
    stamped_by,
    stranger,
    time_of_v2,
    trailing,
    two_entries,
    two_stamps,
    unsigned_statement,
    window,
    written_again,
)
from tests.flows.desk import Desk
from tests.flows.signing_oracle import ARTIFACT
from tests.flows.test_structural import DIGESTS, SIGNATURES, SIGNERS, changed, edited, flip_b64

from sigstep.sandbox.claims import GITHUB_ISSUER
from sigstep.sandbox.local import Sandbox

REPO = ("--repo", "acme/app")
SIGNER = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"


@dataclass(frozen=True)
class Row:
    """One bad vector: number and name of the pitfall, the code, how it is made, and the request."""

    number: int
    name: str
    code: str
    make: Callable[[Bench], Any]
    options: tuple[str, ...] = REPO
    status: int = 1


WRONG_TYPE = ("--type", "https://slsa.dev/provenance/v1")
ROWS = (
    Row(1, "GHSA-8gw7-4j42-w388 entry of another signature", "entry-signature", entry_of_another),
    Row(1, "GHSA-8gw7-4j42-w388 old promise", "entry-signature", old_promise_of_another),
    Row(
        1, "digest", "entry-digest", message(body=edited(*DIGESTS["message-v1"][0], change=DIGESTS["message-v1"][1](3)))
    ),
    Row(1, "GHSA-whqx-f9j3-ch6m signer", "entry-signer", message(body=edited(*SIGNERS["message-v1"], change=stranger))),
    Row(1, "signature", "entry-signature", message(body=edited(*SIGNATURES["message-v1"], change=flip_b64(50)))),
    Row(
        1,
        "payload",
        "entry-payload",
        attestation(body=edited(*DIGESTS["envelope-v1"][0], change=DIGESTS["envelope-v1"][1](3))),
    ),
    Row(2, "GHSA-ccxc-vr6p-4858 nobody expected", "policy-empty", message(), options=()),
    Row(2, "GHSA-ccxc-vr6p-4858 another", "identity-mismatch", message(), options=("--repo", "acme/other")),
    Row(2, "GHSA-hm8f-75xx-w2vr no issuer", "issuer-missing", message(), options=("--identity", SIGNER), status=2),
    Row(
        2,
        "another issuer",
        "identity-mismatch",
        message(),
        options=("--identity", SIGNER, "--issuer", "https://i.example"),
    ),
    Row(3, "GHSA-vjxv-45g9-9296 another type", "predicate-type", attestation(), options=(*REPO, *WRONG_TYPE)),
    Row(3, "a message instead of a statement", "predicate-type", message(), options=(*REPO, *WRONG_TYPE)),
    Row(4, "GHSA-w6c6-c85g-mmv6 no statement", "statement-malformed", lambda bench: bench.attestation({"x": 1})),
    Row(4, "GHSA-fgw4-v983-mgp8 no attestations", "no-bundle", lambda bench: {"attestations": []}),
    Row(4, "GHSA-fgw4-v983-mgp8 no bundle", "no-bundle", lambda bench: None),
    Row(5, "GHSA-fx35-mq7g-6g98 key in the bundle", "key-missing", key_inside),
    Row(6, "GHSA-9vcr-p3rj-q5q6 stamps", "time-threshold", two_stamps, options=(*REPO, "--min-timestamps", "2")),
    Row(6, "GHSA-9vcr-p3rj-q5q6 entries", "entry-threshold", two_entries, options=(*REPO, "--min-entries", "2")),
    Row(6, "one entry twice", "entry-duplicate", message(repeated("tlogEntries", 2))),
    Row(6, "one stamp twice", "timestamp-duplicate", message(repeated("rfc3161Timestamps", 2))),
    *(
        Row(7, f"GHSA-wqqc-jjcq-vfxm {kind} {word}", code, window(kind, start=start, log_version=2))
        for kind, code in (
            ("tlogs", "log-window"),
            ("ctlogs", "sct-window"),
            ("certificateAuthorities", "authority-window"),
            ("timestampAuthorities", "timestamp-window"),
        )
        for word, start in (("ended", True), ("no start", False))
    ),
    Row(8, "GHSA-wfqv-66vq-46rm expired intermediate", "authority-window", expired_intermediate),
    Row(8, "expired leaf", "certificate-expired", message(certificate={"not_before": NOW - timedelta(days=2)})),
    Row(9, "GHSA-88jx-383q-w4qc entries", "json-too-many", message(repeated("tlogEntries", 33))),
    Row(9, "GHSA-cq38-jh5f-37mq stamps", "json-too-many", message(repeated("rfc3161Timestamps", 33))),
    Row(10, "GHSA-xm5m-wgh2-rrg3 certificate in the token", "trust-root-outdated", stamped_by(same_names)),
    Row(
        10,
        "GHSA-3xxc-pwj6-jgrj signature not checked",
        "timestamp-invalid",
        stamped_by(lambda sandbox, query: sandbox.timestamp_authority.stamp(query, spoiled=True)),
    ),
    Row(11, "GHSA-hhfg-fwrw-87w7 proof only", "time-threshold", message(only_a_proof)),
    Row(11, "GHSA-hhfg-fwrw-87w7 Rekor v2", "time-threshold", message(time_of_v2, log_version=2)),
    Row(
        12,
        "CVE-2026-31830 another subject",
        "subject-mismatch",
        lambda bench: bench.attestation(
            {**STATEMENT, "subject": [{"name": "artifact.bin", "digest": {"sha256": "00" * 32}}]}
        ),
    ),
    Row(12, "payload of another signature", "entry-payload", unsigned_statement),
    Row(
        14,
        "unanchored",
        "identity-mismatch",
        message(),
        options=("--identity-regexp", "https://github.com/acme", "--issuer", GITHUB_ISSUER),
    ),
    Row(
        14,
        "a dot for any letter",
        "identity-mismatch",
        message(),
        options=("--identity", SIGNER.replace("github.com", "github-com"), "--issuer", GITHUB_ISSUER),
    ),
    Row(14, "longer issuer", "identity-mismatch", longer_issuer),
    Row(14, "prefix of a name", "identity-mismatch", message(), options=("--repo", "acme/ap")),
    Row(14, "prefix of an owner", "identity-mismatch", message(), options=("--owner", "acm")),
    Row(
        16,
        "index of the proof, v1",
        "inclusion-proof-shape",
        message(changed("inclusionProof", "logIndex", change=lambda _: "999999")),
    ),
    Row(
        16,
        "index of the entry contradicts the proof's, v2",
        "inclusion-proof-mismatch",
        message(changed("logIndex", change=lambda _: "999999"), log_version=2),
    ),
    Row(17, "log id in hex", "trust-root-outdated", message(changed("logId", "keyId", change=in_hex))),
    Row(17, "root in hex", "json-too-large", message(changed("inclusionProof", "rootHash", change=in_hex))),
    Row(17, "body written again", "promise-invalid", message(spaced)),
    Row(17, "body written again, v2", "inclusion-proof-root", message(spaced, log_version=2)),
    Row(18, "no final newline", "checkpoint-malformed", message(note(lambda text: text.rstrip("\n")))),
    Row(18, "another key hint", "checkpoint-signature", message(note(hint_changed), log_version=2)),
    Row(19, "SCT of another issuer", "sct-invalid", foreign_sct),
    Row(19, "SCT that does not hold", "sct-invalid", message(certificate={"spoiled_sct": True})),
    Row(20, "length in characters", "signature-invalid", pae_in_characters),
    Row(20, "payload written again", "entry-payload", attestation(written_again)),
    Row(21, "stamp of the artifact", "timestamp-invalid", message(stamped=ARTIFACT)),
    Row(22, "SHA-512 with P-256", "signature-invalid", other_hash),
    Row(23, "bytes behind the certificate", "certificate-malformed", message(of_certificate(trailing))),
    Row(23, "unknown media type", "bundle-version", message(lambda bundle: bundle.update(mediaType="application/x"))),
    Row(
        24,
        "profile of another root",
        "entry-threshold",
        merged_roots,
        options=(*REPO, "--trusted-root", "private.json"),
    ),
    Row(
        25,
        "another origin",
        "checkpoint-origin",
        message(note(lambda text: "other.example" + text[text.index("\n") :]), log_version=2),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number} {row.name}")
def test_each_is_refused(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Row) -> None:
    """By ``sigstep verify``, with the code of the mistake."""
    monkeypatch.chdir(tmp_path)
    bench = Bench(sandbox, Desk(tmp_path, sandbox), monkeypatch)
    made = row.make(bench)
    if made is not None:
        bench.desk.bundle(".sigstore.json", made)
    root = bench.desk.file("root.json", json.dumps(bench.root or sandbox.trusted_root()))
    status, said = bench.desk.run("--offline", "--trusted-root", root, *row.options, bench.desk.artifact, root=False)
    assert (status, f"[{row.code}]" in said) == (row.status, True), said


@pytest.mark.parametrize("log", [1, 2])
def test_what_they_differ_from(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: int) -> None:
    """A message, and a statement about several files by SHA-512 in which the artifact is the second: verified."""
    desk = Desk(tmp_path, sandbox)
    bench = Bench(sandbox, desk, monkeypatch)
    subject = {"name": "artifact.bin", "digest": {"sha512": hashlib.sha512(ARTIFACT).hexdigest()}}
    other = {"name": "other", "digest": {"sha512": "00" * 64}}
    for bundle in (
        bench.message(log_version=log),
        bench.attestation(log_version=log),
        bench.attestation({**STATEMENT, "subject": [other, subject]}, log_version=log),
    ):
        desk.bundle(".sigstore.json", bundle)
        status, said = desk.run("--offline", *REPO, desk.artifact)
        assert status == 0, said
