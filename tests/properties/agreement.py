"""Structure-aware mutants of bundles, judged by sigstep, sigstore-python and @sigstore/verify together.

    python -m tests.properties.agreement [MUTANTS] [SEED]

``make fuzz`` runs one such process for each core after the readers. Every mutant is another document. A disagreement
without a reason is printed, and the status is 1 then: `LAXER` says which changes sigstep accepts and which peer does
not, `STRICTER` with which code it refuses which changes that a peer accepts.
"""

from __future__ import annotations

import base64
import copy
import itertools
import json
import logging
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from sigstore.models import Bundle, ClientTrustConfig
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity
from tests.flows import javascript
from tests.flows.signing_oracle import ARTIFACT, oracle_bundle
from tests.mutants import MEDIA_TYPES, Mutant, changes, mutants
from tests.properties.reasons import laxer, stricter

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
UNEXPLAINED = 20
AND = " & "


@dataclass(frozen=True)
class Form:
    """A bundle that is changed: the version of its log, whether it holds a statement, and the document."""

    rekor: int
    statement: bool
    document: Any


def forms(sandbox: Sandbox) -> list[Form]:
    """What all three accept: version 0.3 with a time stamp, and 0.1 and 0.2 with a chain and a promise alone."""
    made = [
        Form(rekor, statement, oracle_bundle(sandbox, rekor=rekor, statement=statement))
        for rekor in (1, 2)
        for statement in (False, True)
    ]
    return made + [
        Form(1, form.statement, _older(form.document, media_type))
        for form, media_type in itertools.product(made[:2], MEDIA_TYPES[:2])
    ]


def _older(document: Any, media_type: str) -> Any:
    older = copy.deepcopy(document)
    older["mediaType"] = media_type
    material = older["verificationMaterial"]
    material["x509CertificateChain"] = {"certificates": [material.pop("certificate")]}
    del material["timestampVerificationData"]
    return older


def endless(made: Sequence[Form], chance: random.Random) -> Iterator[tuple[Form, Mutant]]:
    """Different mutants of all forms, in turns; every fourth is changed once more."""
    seen: set[int] = set()
    while True:
        for form in made:
            other = chance.choice(made).document
            for found in mutants(form.document, other, chance, bits=1):
                mutant = found if chance.randrange(4) else _again(found, other, chance)
                if hash(mutant.data) not in seen:
                    seen.add(hash(mutant.data))
                    yield form, mutant


def _again(mutant: Mutant, other: Any, chance: random.Random) -> Mutant:
    document = json.loads(mutant.data)
    second = chance.choice(list(changes(document, other, chance, bits=1)))
    return Mutant(f"{mutant.name}{AND}{second.name}", second.of(document).data)


def ours(data: bytes, trust: PreparedTrust, now: datetime) -> str:
    """sigstep's verdict: ``+``, or the code of the refusal."""
    try:
        establish(parse_bundle(data), SUBJECT, trust, now=now)
    except Refusal as error:
        return error.code
    return "+"


class Python:
    """sigstore-python as a judge."""

    def __init__(self, sandbox: Sandbox, identity: str) -> None:
        config = ClientTrustConfig.from_json(json.dumps(sandbox.client_trust_config()))
        self._verifier = Verifier(trusted_root=config.trusted_root)
        self._policy = Identity(identity=identity, issuer=GITHUB_ISSUER)

    def accepts(self, data: bytes, *, statement: bool) -> bool:
        """Whatever it raises counts as a refusal."""
        try:
            bundle = Bundle.from_json(data)
            if statement:
                self._verifier.verify_dsse(bundle, self._policy)
            else:
                self._verifier.verify_artifact(ARTIFACT, bundle, self._policy)
        except Exception:  # noqa: BLE001 - it raises many kinds for what it refuses
            return False
        return True


class JavaScript:
    """@sigstore/verify as a process that answers line by line."""

    def __init__(self, sandbox: Sandbox, identity: str) -> None:
        javascript.install()
        judge = [str(javascript.FOLDER / "judge.js"), str(sandbox.trusted_root_file), identity, GITHUB_ISSUER]
        # its collector's threads cost it three times the work itself
        command = ["node", "--single-threaded", *judge]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, batch: Sequence[tuple[Form, Mutant]]) -> None:
        """Hand it mutants; its answers to a batch fit into a pipe."""
        assert self.process.stdin is not None
        for form, mutant in batch:
            artifact = None if form.statement else base64.b64encode(ARTIFACT).decode()
            self.process.stdin.write(json.dumps({"bundle": mutant.data.decode(), "artifact": artifact}) + "\n")
        self.process.stdin.flush()

    def accepts(self) -> bool:
        """Its next answer."""
        assert self.process.stdout is not None
        answer = self.process.stdout.readline()
        assert answer, "the judge ended"
        return answer.startswith("accepted")


def main(count: int, seed: int) -> int:
    """Run, and say what was seen."""
    seen, reasons, unexplained = Counter[str](), Counter[str](), 0
    with Sandbox() as sandbox:
        trust = prepare(TrustMaterial(roots=(trusted_root_of(sandbox.trusted_root(), name="sandbox"),)))
        stream = itertools.islice(endless(forms(sandbox), random.Random(seed)), count)
        now = datetime.now(timezone.utc) + timedelta(minutes=5)  # noqa: TID251 - the sandbox signs in real time
        identity = f"https://github.com/{sandbox.issuer.claims['job_workflow_ref']}"
        python, judge = Python(sandbox, identity), JavaScript(sandbox, identity)
        try:
            while batch := list(itertools.islice(stream, BATCH)):
                judge.ask(batch)
                for form, mutant in batch:
                    first = ours(mutant.data, trust, now)
                    second = python.accepts(mutant.data, statement=form.statement)
                    peers = {"python": second, "javascript": judge.accepts()}
                    verdicts = "".join("-+"[one] for one in (first == "+", *peers.values()))
                    seen[verdicts] += 1
                    parts = mutant.name.split(AND)
                    if first == "+":
                        found = [laxer(peer, parts) for peer, held in peers.items() if not held]
                    else:
                        found = [stricter(first, parts)] if any(peers.values()) else []
                    reasons.update(f"{verdicts} {one}" for one in found)
                    if None in found:
                        unexplained += 1
                        print(f"unexplained: {verdicts} {first} Rekor {form.rekor} {mutant.name}")
                        print(mutant.data.decode(), flush=True)
                        if unexplained == UNEXPLAINED:
                            return 1
        finally:
            judge.process.terminate()
            judge.process.communicate(timeout=10)
    print(f"{sum(seen.values())} mutants (seed {seed}); sigstep, sigstore-python, @sigstore/verify: {dict(seen)}")
    print(*(f"{number:7} {one}" for one, number in sorted(reasons.items())), sep="\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    arguments = [int(one) for one in sys.argv[1:3]]
    sys.exit(main(*(arguments + [200_000, 1][len(arguments) :])))
