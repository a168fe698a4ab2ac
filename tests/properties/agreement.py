"""Structure-aware mutants of the sandbox's bundles, judged by sigstep, sigstore-python and @sigstore/verify together.

    python -m tests.properties.agreement [MUTANTS] [SEED]

``make fuzz`` runs it after the readers. It ends with status 1 at the first disagreement that `KNOWN` does not explain. sigstep may be stricter than the
others where a reason is written; it may never accept what both refuse.
"""

from __future__ import annotations

import base64
import itertools
import json
import logging
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from sigstore.models import Bundle, ClientTrustConfig
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity
from tests.flows import javascript
from tests.flows.signing_oracle import ARTIFACT, oracle_bundle
from tests.mutants import Mutant, mutants

from sigstep.errors import Refusal
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustMaterial
from sigstep.proofs.prepared import PreparedTrust, prepare
from sigstep.sandbox.claims import GITHUB_ISSUER
from sigstep.sandbox.local import Sandbox
from sigstep.verification.pipeline import establish
from sigstep.wire.bundle import parse_bundle
from sigstep.wire.trusted_root import trusted_root_of

SUBJECT = Subject(name="artifact", digests=(Digest.of(ARTIFACT),))
BATCH = 100
STRICTER = {
    # codes with which sigstep may refuse what another accepts, and why that is right
    **dict.fromkeys(
        ("json-integer", "json-member-missing", "json-member-type", "json-unknown-member", "json-duplicate-key"),
        "members are read strictly: right types, counts in range, nothing unknown",
    ),
    "json-malformed": "JSON is read strictly",
    "base64-malformed": "base64 has one form",
    "bundle-version": "a media type is one of the known ones, exactly",
    "bundle-proof-missing": "versions 0.2 and 0.3 need an inclusion proof",
    "bundle-promise-missing": "version 0.1 needs a promise",
    "bundle-chain": "version 0.3 has one certificate and no chain",
    "inclusion-proof-mismatch": "what a proof says beside its hashes has to agree with the checkpoint",
    "checkpoint-signature": "a signature line with the hint of the log's key has to hold",
    "checkpoint-malformed": "a signed note has one form",
    "timestamp-invalid": "a bad stamp of a trusted authority refuses; others pass it over",
    "timestamp-malformed": "bytes that are no stamp refuse; others pass them over",
    "timestamp-duplicate": "a stamp counts once and is there once",
    "trust-root-outdated": "a log or authority is told by its id alone",
    "log-unknown": "a log is told by its id alone",
    "entry-duplicate": "an entry counts once and is there once",
    "digest-algorithm-unsupported": "a stated digest is of a known algorithm",
    "digest-malformed": "a stated digest has the length of its algorithm",
    "message-digest": "a stated digest has to be the artifact's",
}
KNOWN: tuple[tuple[str, str, str], ...] = (
    # (verdicts of sigstep, sigstore-python, @sigstore/verify; what was changed; why that is right)
    ("+-+|++-|+--", r"mediaType .*", "other spellings and versions of the media type, whose rules the bundle meets"),
    ("+.-|+-.", r"verificationMaterial\.timestampVerificationData.*", "the promise says when it was signed; a foreign or absent stamp proves nothing"),
    ("+.-|+-.", r"verificationMaterial\.tlogEntries\.0\.(inclusionPromise|integratedTime).*", "a stamp and a proof suffice; Rekor v2 has neither promise nor time"),
    ("+.-|+-.", r"verificationMaterial\.tlogEntries\.0\.(logIndex|inclusionProof\.(logIndex|treeSize|rootHash)).*", "Rekor v2: the checkpoint counts, and members that are absent contradict nothing"),
    ("+.-|+-.", r"verificationMaterial\.tlogEntries\.0\.inclusionProof\.checkpoint\.envelope .*", "names before signatures of others, and lines of unknown keys, carry nothing"),
    ("+.-|+-.", r"messageSignature\.messageDigest.*", "the stated digest is a hint; what is signed is the artifact"),
    ("+.-|+-.", r"dsseEnvelope\.signatures\.0\.keyid.*", "a key id is a hint"),
)  # fmt: skip


def javascript_judge(sandbox: Sandbox, identity: str) -> subprocess.Popen[str]:
    """@sigstore/verify as a process that answers line by line."""
    javascript.install()
    command = ["node", str(javascript.FOLDER / "judge.js"), str(sandbox.trusted_root_file), identity, GITHUB_ISSUER]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def endless(documents: list[Any], chance: random.Random) -> Iterator[tuple[int, Mutant]]:
    """Mutants of all forms, in turns, with one change after another added now and then."""
    while True:
        for number, document in enumerate(documents):
            other = documents[chance.randrange(len(documents))]
            for mutant in mutants(document, other, chance, bits=1):
                yield number, mutant


def ours(data: bytes, trust: PreparedTrust, now: datetime) -> str:
    """sigstep's verdict: ``+``, or the code of the refusal."""
    try:
        establish(parse_bundle(data), SUBJECT, trust, now=now)
    except Refusal as error:
        return error.code
    return "+"


def theirs(data: bytes, verifier: Verifier, policy: Identity, *, statement: bool) -> str:
    """sigstore-python's verdict; whatever it raises counts as a refusal."""
    try:
        bundle = Bundle.from_json(data)
        if statement:
            verifier.verify_dsse(bundle, policy)
        else:
            verifier.verify_artifact(ARTIFACT, bundle, policy)
    except Exception:  # noqa: BLE001 - it raises many kinds for what it refuses
        return "-"
    return "+"


def explained(verdicts: str, name: str) -> bool:
    """Whether a disagreement has its reason in `KNOWN`."""
    return any(
        re.fullmatch(pattern.replace("+", r"\+"), verdicts) and re.fullmatch(what, name) for pattern, what, _ in KNOWN
    )


def main(count: int, seed: int) -> int:
    """Run, and say what was seen."""
    logging.disable(logging.CRITICAL)
    chance, seen, strict = random.Random(seed), Counter[str](), Counter[str]()
    with Sandbox() as sandbox:
        trust = prepare(TrustMaterial(roots=(trusted_root_of(sandbox.trusted_root(), name="sandbox"),)))
        forms = [(rekor, statement) for rekor in (1, 2) for statement in (False, True)]
        documents = [oracle_bundle(sandbox, rekor=rekor, statement=statement) for rekor, statement in forms]
        now = datetime.now(timezone.utc) + timedelta(minutes=5)  # noqa: TID251 - the sandbox signs in real time
        identity = f"https://github.com/{sandbox.issuer.claims['job_workflow_ref']}"
        config = ClientTrustConfig.from_json(json.dumps(sandbox.client_trust_config()))
        peer, policy = Verifier(trusted_root=config.trusted_root), Identity(identity=identity, issuer=GITHUB_ISSUER)
        judge = javascript_judge(sandbox, identity)
        assert judge.stdin is not None
        assert judge.stdout is not None
        stream = itertools.islice(endless(documents, chance), count)
        try:
            while batch := list(itertools.islice(stream, BATCH)):
                for number, mutant in batch:  # its answers to a batch fit into a pipe
                    artifact = None if forms[number][1] else base64.b64encode(ARTIFACT).decode()
                    judge.stdin.write(json.dumps({"bundle": mutant.data.decode(), "artifact": artifact}) + "\n")
                judge.stdin.flush()
                two = [
                    (ours(mutant.data, trust, now), theirs(mutant.data, peer, policy, statement=forms[number][1]))
                    for number, mutant in batch
                ]
                for (first, second), (number, mutant) in zip(two, batch, strict=True):
                    third = "+" if judge.stdout.readline().startswith("accepted") else "-"
                    verdicts = ("+" if first == "+" else "-") + second + third
                    if verdicts[0] == "-" and "+" in verdicts:
                        strict[f"{verdicts} {first}"] += 1
                    seen[verdicts] += 1
                    stricter = verdicts[0] == "-" and first in STRICTER
                    if len(set(verdicts)) > 1 and not stricter and not explained(verdicts, mutant.name):
                        print(f"unexplained: {verdicts} {first} {forms[number]} {mutant.name}\n{mutant.data.decode()}")
                        return 1
        finally:
            judge.terminate()
            judge.wait(10)
    print(f"{sum(seen.values())} mutants (seed {seed}); sigstep, sigstore-python, @sigstore/verify: {dict(seen)}")
    print(f"refused by sigstep and not by all: {dict(strict)}")
    return 0


if __name__ == "__main__":
    arguments = [int(one) for one in sys.argv[1:3]]
    sys.exit(main(*(arguments + [200_000, 1][len(arguments) :])))
