"""Options of `sigstep verify`: thresholds, witnesses, folders, names of subjects, detached signatures, registry keys."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.flows.desk import Desk, Json, signer, x509_pem
from tests.flows.signing_oracle import ARTIFACT, oracle_bundle

from sigstep.flows.policy_words import explain
from sigstep.policy.document import load_policy
from sigstep.policy.exporting import Losses, image_rules
from sigstep.policy.writing import write_policy
from sigstep.sandbox import checkpoint
from sigstep.sandbox.local import Sandbox

WITNESSES = {f"witness-{name}.example": Ed25519PrivateKey.generate() for name in ("one", "two")}


@pytest.fixture
def desk(tmp_path: Path, sandbox: Sandbox) -> Desk:
    """An artifact without a bundle."""
    return Desk(tmp_path, sandbox)


@pytest.fixture(scope="module")
def message(sandbox: Sandbox) -> Json:
    """A message signature in Rekor v1."""
    return oracle_bundle(sandbox, rekor=1, statement=False)


@pytest.fixture(scope="module")
def statement(sandbox: Sandbox) -> Json:
    """An attestation in Rekor v1."""
    return oracle_bundle(sandbox, rekor=1, statement=True)


@pytest.mark.parametrize(
    ("options", "status", "word"),
    [
        (["--min-entries", "1", "--min-times", "2", "--min-timestamps", "1", "--min-scts", "1"], 0, "verified"),
        (["--min-entries", "2"], 1, "[entry-threshold]"),
        (["--min-times", "3"], 1, "[time-threshold]"),
        (["--min-timestamps", "2"], 1, "[time-threshold]"),
        (["--min-scts", "2"], 1, "[sct-threshold]"),
        (["--min-witnesses", "1"], 1, "[witness-threshold]"),
        (["--certificate", "FILE"], 2, "[option-conflict]"),
    ],
)
def test_thresholds(desk: Desk, message: Json, options: list[str], status: int, word: str) -> None:
    """Each is settable by itself; the others stay those of the instance."""
    desk.bundle(".sigstore.json", message)
    given = [str(desk.artifact) if one == "FILE" else one for one in options]
    found, output = desk.run(*given, *signer(desk.sandbox), desk.artifact)
    assert (found, word in output) == (status, True), output


def test_without_a_time_the_present_counts(desk: Desk, message: Json) -> None:
    """Nothing vouches for a time and none is asked for: the certificate has to be valid now."""
    bundle = json.loads(json.dumps(message))
    bundle["verificationMaterial"].pop("timestampVerificationData", None)
    bundle["verificationMaterial"]["tlogEntries"] = []
    desk.bundle(".sigstore.json", bundle)
    lowered = ["--min-entries", "0", "--min-times", "0", *signer(desk.sandbox), desk.artifact]
    assert desk.run(*lowered)[0] == 0
    for options, weaker in (
        (lowered, ["0 log entries", "0 trusted times"]),
        (
            ["--min-entries", "0", "--min-times", "0", "--min-scts", "1", *lowered[4:]],
            ["0 log entries", "0 trusted times"],
        ),
        (["--min-scts", "0", *lowered], ["0 log entries", "0 trusted times", "0 certificate timestamps"]),
    ):
        lines = [line for line in desk.run(*options)[1].splitlines() if line.startswith("  weaker: ")]
        assert [line.partition(" were")[0] for line in lines] == [f"  weaker: {one}" for one in weaker]
        assert all(line.endswith(" is 1") for line in lines)
        for form in ("markdown", "html"):
            assert desk.run(*options, "--format", form)[1].count("Weaker than the default") == len(weaker)
    assert "[time-threshold]" in desk.run("--min-entries", "0", *signer(desk.sandbox), desk.artifact)[1]


def verifier_key(name: str, key: Ed25519PrivateKey, kind: bytes = b"\x04") -> str:
    """A witness's key as C2SP writes it."""
    data = kind + key.public_key().public_bytes_raw()
    hint = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4].hex()
    return f"{name}+{hint}+{base64.b64encode(data).decode()}"


@pytest.fixture(scope="module")
def witnessed() -> Iterator[Sandbox]:
    """A sandbox whose Rekor v2 has two witnesses."""
    with Sandbox(log_version=2) as running:
        running.log_v2.witnesses = tuple(checkpoint.Witness(name=name, key=key) for name, key in WITNESSES.items())
        yield running


def test_witnesses(witnessed: Sandbox, tmp_path: Path) -> None:
    """Their keys come from the caller, as text or in a file; the report names those that saw the tree."""
    desk = Desk(tmp_path, witnessed)
    desk.bundle(".sigstore.json", oracle_bundle(witnessed, rekor=2, statement=False))
    texts = [verifier_key(name, key) for name, key in WITNESSES.items()]
    known = desk.file("witnesses.txt", "# of this log\n" + "\n".join(texts) + "\n")
    always = [*signer(witnessed), desk.artifact]
    status, output = desk.run("--witness", known, "--min-witnesses", "2", "--format", "json", *always)
    assert status == 0
    proof = json.loads(output)["verdicts"][0]["examinations"][0]["verified"]
    assert set(proof["entries"][0]["witnesses"]) == set(WITNESSES)
    assert desk.run("--witness", texts[0], "--min-witnesses", "1", *always)[0] == 0
    output = desk.run("--witness", texts[0], "--min-witnesses", "2", *always)[1]
    assert "[witness-threshold]" in output
    assert "needs 2 of the 1 that are named, and has 1" in output
    assert "name its witnesses with --witness" in output
    name, key = next(iter(WITNESSES.items()))
    for bad in (verifier_key(name, key, b"\x01"), texts[0].replace("one", "0ne"), f"{name}+00+zz"):
        assert desk.run("--witness", bad, *always) == (1, "[witness-key]")


def test_witnesses_of_a_policy(witnessed: Sandbox, tmp_path: Path) -> None:
    """The policy file names them and says how many are needed; no option and no engine is asked for it."""
    desk = Desk(tmp_path, witnessed)
    desk.bundle(".sigstore.json", oracle_bundle(witnessed, rekor=2, statement=False))
    stranger = verifier_key("witness-three.example", Ed25519PrivateKey.generate())
    texts = [*(verifier_key(name, key) for name, key in WITNESSES.items()), stranger]

    def policy(count: object, *keys: str) -> str:
        issuer, subject = "https://token.actions.githubusercontent.com", "https://github.com/acme/app/**"
        return json.dumps(
            {
                "schema": "sigstep/policy/v1",
                "witnesses": {"at-least": count, "of": list(keys)},
                "signers": {"ours": {"issuer": issuer, "subject": {"glob": subject}}},
                "rules": [{"name": "all", "blobs": ["**"], "images": ["**"], "signature": {"any-of": ["ours"]}}],
            }
        )

    for count, keys, status in ((2, texts, 0), (3, texts, 1), (1, texts[2:], 1), (1, texts[1:], 0)):
        file = desk.file("policy.yml", policy(count, *keys))
        found, output = desk.run("--policy", file, "--offline", desk.artifact)
        assert (found, "[witness-threshold]" in output) == (status, bool(status))
    for wrong, some in ((0, texts), (4, texts), ("1", texts), (1, ["x"]), (1, texts[:1] * 2), (1, [])):
        file = desk.file("policy.yml", policy(wrong, *some))
        assert desk.run("--policy", file, desk.artifact)[1] in ("[policy-malformed]", "[witness-key]")
    read = load_policy(policy(2, *texts).encode())
    assert load_policy(write_policy(read)).witnesses == read.witnesses
    assert any("at least 2 of witness-one.example, " in line for line in explain(read, ()))
    losses = Losses()
    image_rules(read, losses)
    assert [one.place for one in losses.all if one.refused] == ["witnesses"]


def test_a_folder(desk: Desk, message: Json, sandbox: Sandbox) -> None:
    """Every file below has to be covered, hidden ones too; a bundle without its artifact is a file like any other."""
    folder = desk.folder / "dist"
    other = oracle_bundle(sandbox, rekor=1, statement=False, artifact=b"other")
    desk.file("dist/a.bin", ARTIFACT)
    desk.file("dist/a.bin.sigstore.json", json.dumps(message))
    desk.file("dist/sub/b.bin", b"other")
    desk.file("dist/sub/b.bin.release.sigstore.json", json.dumps(other))
    status, output = desk.run("--format", "json", *signer(sandbox), folder)
    assert status == 0, output
    assert [one["subject"]["name"] for one in json.loads(output)["verdicts"]] == ["a.bin", "b.bin"]
    hidden = desk.file("dist/sub/.hidden", b"x")
    assert "[no-bundle]" in desk.run(*signer(sandbox), folder)[1]
    hidden.rename(folder / "sub" / "orphan.sigstore.json")
    assert desk.run(*signer(sandbox), folder)[0] == 1
    (folder / "sub" / "orphan.sigstore.json").unlink()
    (folder / "link").symlink_to(folder / "sub")
    assert desk.run(*signer(sandbox), folder) == (2, "[subject-not-a-file]")


def test_a_folder_with_one_bundle_for_all(desk: Desk, message: Json, sandbox: Sandbox) -> None:
    """A bundle that is named and stands in the folder is not an artifact."""
    folder = desk.folder / "dist"
    desk.file("dist/a.bin", ARTIFACT)
    named = desk.file("dist/all.sigstore.json", json.dumps(message))
    assert desk.run("--bundle", named, *signer(sandbox), folder)[0] == 0


def test_an_empty_folder(desk: Desk, message: Json) -> None:
    """Nothing passes because there was nothing: status 3."""
    empty = desk.folder / "empty"
    empty.mkdir()
    assert desk.run(*signer(desk.sandbox), empty) == (3, "[directory-empty]")


def test_subject_name(desk: Desk, statement: Json, message: Json) -> None:
    """The name that the statement gives the artifact's digest."""
    bundle = desk.bundle(".provenance.sigstore.json", statement)
    always = ["--bundle", bundle, *signer(desk.sandbox), desk.artifact]
    assert desk.run("--subject-name", "artifact", *always)[0] == 0
    assert "[subject-name]" in desk.run("--subject-name", "other", *always)[1]
    digest = f"sha256:{hashlib.sha256(ARTIFACT).hexdigest()}"
    assert desk.run("--subject-name", "artifact", "--bundle", bundle, *signer(desk.sandbox), digest)[0] == 0
    plain = desk.bundle(".message", message)
    assert (
        "[subject-name]" in desk.run("--subject-name", "a", "--bundle", plain, *signer(desk.sandbox), desk.artifact)[1]
    )


def parts(desk: Desk, bundle: Json) -> dict[str, Path]:
    """Signature, certificate and time stamp of a bundle as files of their own."""
    material = bundle["verificationMaterial"]
    pem = x509_pem(material["certificate"]["rawBytes"])
    stamp = material["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"]
    signature = bundle["messageSignature"]["signature"]
    return {
        "text": desk.file("a.sig", signature + "\n"),
        "raw": desk.file("a.der", base64.b64decode(signature)),
        "pem": desk.file("a.pem", pem),
        "wrapped": desk.file("a.b64", base64.b64encode(pem.encode())),
        "stamp": desk.file("a.tsr", base64.b64decode(stamp)),
        "cosign stamp": desk.file("a.json", json.dumps({"SignedRFC3161Timestamp": stamp})),
    }


def test_detached(desk: Desk, message: Json) -> None:
    """The log is asked for the entry when online; the files alone prove no log."""
    files = parts(desk, message)
    always = [*signer(desk.sandbox), desk.artifact]
    for signature in ("text", "raw"):
        for certificate in ("pem", "wrapped"):
            given = ["--signature", files[signature], "--certificate", files[certificate]]
            assert desk.run(*given, *always)[0] == 0
            assert "[entry-threshold]" in desk.run(*given, "--offline", *always)[1]
    for stamp in ("stamp", "cosign stamp"):
        given = ["--signature", files["text"], "--certificate", files["pem"], "--timestamp", files[stamp]]
        assert desk.run(*given, "--offline", "--min-entries", "0", *always)[0] == 0
    desk.artifact.write_bytes(b"changed")
    assert desk.run("--signature", files["text"], "--certificate", files["pem"], *always)[0] == 1
    whole = desk.file("whole", json.dumps(message))
    assert desk.run("--signature", whole, *always) == (1, "[detached-signature]")
    bad = desk.file("bad", b"")
    assert desk.run("--signature", bad, "--certificate", files["pem"], *always) == (1, "[detached-signature]")
    assert desk.run("--signature", files["text"], "--certificate", bad, *always) == (1, "[detached-certificate]")


def test_detached_with_a_log_that_is_out(desk: Desk, message: Json) -> None:
    """Could not decide: status 4, never a refusal and never accepted."""
    files = parts(desk, message)
    root = desk.sandbox.trusted_root()
    for log in root["tlogs"]:
        log["baseUrl"] = "http://127.0.0.1:9"
    own = desk.file("root.json", json.dumps(root))
    given = ["--signature", files["text"], "--certificate", files["pem"], *signer(desk.sandbox), desk.artifact]
    status, output = desk.run("--trusted-root", own, *given, root=False)
    assert status == 4
    assert "[entry-threshold]" in output


def test_detached_without_asking_the_log(desk: Desk, message: Json) -> None:
    """The entry may well be there: signing again is not the advice."""
    files = parts(desk, message)
    given = ["--signature", files["text"], "--certificate", files["pem"], *signer(desk.sandbox), desk.artifact]
    status, output = desk.run("--offline", *given)
    assert (status, "verify without --offline" in output, "sign again" in output) == (1, True, False)


def test_a_detached_envelope(desk: Desk, statement: Json) -> None:
    """`--signature` may be the DSSE envelope of an attestation."""
    certificate = desk.file("a.pem", x509_pem(statement["verificationMaterial"]["certificate"]["rawBytes"]))
    envelope = desk.file("a.json", json.dumps(statement["dsseEnvelope"]))
    given = ["--signature", envelope, "--certificate", certificate, *signer(desk.sandbox), desk.artifact]
    assert desk.run(*given)[0] == 0
    assert "[entry-threshold]" in desk.run("--offline", *given)[1]


def test_a_detached_signature_of_a_key(desk: Desk) -> None:
    """No log entry is asked for, unless the user asks."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    public = desk.file("key.pem", pem)
    signature = desk.file("a.sig", base64.b64encode(key.sign(ARTIFACT, ec.ECDSA(hashes.SHA256()))))
    given = ["--signature", signature, "--key", public, desk.artifact]
    assert desk.run(*given, root=False)[0] == 0
    assert "[entry-threshold]" in desk.run("--min-entries", "1", *given)[1]


def test_registry_keys(desk: Desk, statement: Json) -> None:
    """A key counts for bundles that name its id, within its window and for its use; others keep their certificates."""
    key = ec.generate_private_key(ec.SECP256R1())
    payload = base64.b64decode(statement["dsseEnvelope"]["payload"])
    kind = "application/vnd.in-toto+json"
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    publish = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "SHA256:mine"}},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": kind,
            "signatures": [{"sig": base64.b64encode(key.sign(signed, ec.ECDSA(hashes.SHA256()))).decode()}],
        },
    }
    bundle = desk.bundle(".publish.json", publish)

    def keys(name: str, *, hint: str = "SHA256:mine", usage: str = "npm:attestations", **window: str) -> Path:
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        public = {"rawBytes": base64.b64encode(spki).decode(), "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
        valid = {"validFor": {"start": "2020-01-01T00:00:00Z", **window}}
        return desk.file(
            name, json.dumps({"keys": [{"keyId": hint, "keyUsage": usage, "publicKey": {**public, **valid}}]})
        )

    good = ["--bundle", bundle, "--registry-keys", keys("keys.json")]
    assert desk.run(*good, desk.artifact)[0] == 0
    for name, code, options in (
        ("other.json", "key-missing", {"hint": "SHA256:other"}),
        ("use.json", "key-missing", {"usage": "npm:signatures"}),
        ("ended.json", "key-window", {"end": "2021-01-01T00:00:00Z"}),
    ):
        output = desk.run("--bundle", bundle, "--registry-keys", keys(name, **options), desk.artifact)[1]
        assert f"[{code}]" in output
    certified = desk.bundle(".sigstore.json", statement)
    assert "[identity-mismatch]" in desk.run("--bundle", certified, "--registry-keys", keys("k.json"), desk.artifact)[1]
