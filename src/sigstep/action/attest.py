"""The step ``attest``: one statement over all subjects as actions/attest makes it, proved, published and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sigstep.action.inputs import Inputs
from sigstep.action.masked import Masked
from sigstep.action.publication import explained, has_attestations, record_of, repository_of, stores_of
from sigstep.action.result import StepResult, of_report
from sigstep.action.subjects import declare, subjects_of
from sigstep.errors import UsageError
from sigstep.flows import reports
from sigstep.flows.attest import AttestRequest, attest
from sigstep.flows.sbom_making import sbom_named
from sigstep.flows.sign import Made, SigningResult
from sigstep.flows.signing_run import SigningOptions
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.flows.verify import VerifyRequest, verify
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.model.receipt import Receipt
from sigstep.model.statement import PROVENANCE, Predicate
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding, Report
from sigstep.oidc.github import GitHubActions
from sigstep.policy.rule import any_signer_unsafe
from sigstep.ports.retry import DEFAULT_BUDGET_SECONDS
from sigstep.ports.store import Found
from sigstep.ports.world import World
from sigstep.rendering.commands import verify_commands
from sigstep.rendering.page import Told
from sigstep.stores.files import FileStore
from sigstep.wire.bundle import encode_bundle

CREATED: Final = "created_attestation_paths.txt"  # the list of actions/attest, in RUNNER_TEMP
_REASON: Final = "this run has just made and proved these bundles; the report only tells what they say"


def run(inputs: Inputs, world: World) -> StepResult:
    """Attest what the inputs name, publish it, then examine what was made.

    Raises:
        UsageError: an input is malformed, or two exclude one another.
        SigstepError: nothing could be attested.
    """
    predicates = predicates_of(inputs, world)
    source = subjects_of(inputs, world)
    stores = stores_of(inputs, source.subjects, world)
    result = attest(
        AttestRequest(
            subjects=source,
            options=options_of(inputs, world),
            predicates=predicates,
            one_statement=not inputs.flag("bundle-per-subject"),
            store=FileStore(folder=_folder(inputs, world)),
            more_stores=stores,
        ),
        world,
    )
    list_created(result.made, world)
    receipts = tuple(one for made in result.made for one in made.receipts)
    records, warnings = record_of(inputs, source.subjects, receipts, world)
    declare(source.subjects, world)
    return told(result, source.subjects, (*receipts, *records), warnings, options_of(inputs, world).trust, world)


def run_sbom(inputs: Inputs, world: World) -> StepResult:
    """As `run`, with at least one SBOM.

    Raises:
        UsageError: ``input-predicate-missing``, and those of `run`.
        SigstepError: nothing could be attested.
    """
    if not inputs.entries("sbom-path"):
        raise UsageError(
            code="input-predicate-missing",
            what="no SBOM is named",
            why="sbom-path is empty",
            fix="name the SBOM that an earlier step wrote, SPDX or CycloneDX",
        )
    return run(inputs, world)


def predicates_of(inputs: Inputs, world: World) -> tuple[Predicate, ...]:
    """What is attested: SBOMs, scans, tests, a predicate of the user's, or else provenance.

    Raises:
        UsageError: ``input-predicate-conflict``, ``input-predicate-missing``, ``file-unreadable``.
        FormatError: a document is malformed.
    """
    sbom, path, inline, kind = (
        inputs.entries("sbom-path"),
        inputs.text("predicate-path"),
        inputs.text("predicate"),
        inputs.text("predicate-type"),
    )
    custom = bool(path or inline or kind)
    if (sbom and custom) or (path and inline):
        raise _conflict("sbom-path, predicate and predicate-path exclude one another")
    if custom and not (kind and (path or inline)):
        raise UsageError(
            code="input-predicate-missing",
            what="a predicate is named by half",
            why="predicate-type belongs to predicate or predicate-path",
            fix="give both, or neither for SLSA provenance",
        )
    reading = reports.Reading(at_most=limits.PREDICATE_BYTES)  # GitHub's bound; larger ones are attested by digest
    image, digest = inputs.text("subject-name"), inputs.text("subject-digest")
    about = f"registry:{image}@{digest}" if image and digest else ""
    found = [sbom_named(one, world, reading, what=about) for one in sbom]
    if custom:
        found.append(reports.typed(kind, Path(path), world) if path else reports.typed_of(kind, inline.encode(), world))
    found += [reports.scan(Path(one), world) for one in inputs.entries("scan-path")]
    found += [reports.junit(Path(one), world) for one in inputs.entries("test-results-path")]
    return tuple(found) if found and not inputs.flag("provenance") else (PROVENANCE, *found)


def options_of(inputs: Inputs, world: World) -> SigningOptions:
    """How to sign: the runner's token, masked, and the instance that the inputs or the repository's visibility name.

    Raises:
        UsageError: ``input-not-number``.
    """
    config = inputs.text("trust-config") or world.environ.get("SIGSTEP_TRUST_CONFIG", "")
    instance = inputs.text("instance") or ("github" if inputs.flag("private-signing") else "")
    return SigningOptions(
        trust=TrustRequest(
            instances=(instance,) if instance else (),
            trust_config=Path(config) if config and not instance else None,
        ),
        sources=(Masked(source=GitHubActions()),),
        retry_seconds=inputs.number("retry-for", DEFAULT_BUDGET_SECONDS),
        defer_logging=inputs.choice("on-log-outage", ("fail", "defer")) == "defer",
        allow_public_log=inputs.flag("allow-public-log"),
    )


def told(
    result: SigningResult,
    subjects: Sequence[Subject],
    receipts: Sequence[Receipt],
    warnings: tuple[Finding, ...],
    trust: TrustRequest,
    world: World,
) -> StepResult:
    """The result of a step that signed: every output, and a report of what the bundles prove."""
    report = _report(result, trust, world)
    problems = tuple((name, Finding.of(error)) for name, error in result.failures)
    problems += tuple(
        (made.location, explained(error, made.receipts)) for made in result.made for _, error in made.unpublished
    )
    by_store = {store: [one for one in receipts if one.store == store] for store in ("github", "storage-record")}
    bundles = tuple(dict.fromkeys(made.location for made in result.made))
    notes = (
        () if has_attestations(world) else ("This server has no attestations API; the bundle file is what to keep.",)
    )
    around = Told(
        verb="attested",
        receipts=tuple(receipts),
        problems=problems,
        commands=verify_commands(subjects, bundles, repository_of(world), published=bool(by_store["github"])),
        notes=notes if repository_of(world) else (),
    )
    return of_report(
        report,
        status=report.exit_code or max((error.exit_code for _, error in result.problems), default=0),
        told=around,
        warnings=warnings,
        values={
            "bundle-path": bundles[0] if bundles else "",
            "bundle-paths": "\n".join(bundles),
            "attestation-id": next((one.id for one in by_store["github"]), ""),
            "attestation-ids": "\n".join(one.id for one in by_store["github"]),
            "attestation-url": next((one.url for one in by_store["github"]), ""),
            "attestation-urls": "\n".join(one.url for one in by_store["github"]),
            "storage-record-ids": ",".join(one.id for one in by_store["storage-record"]),
        },
    )


def list_created(made: Sequence[Made], world: World) -> None:
    """Append the bundles to the list that actions/attest keeps."""
    temporary = world.environ.get("RUNNER_TEMP")
    if temporary:
        with (Path(temporary) / CREATED).open("a", encoding="utf-8", newline="") as file:
            file.writelines(f"{one}\n" for one in dict.fromkeys(one.location for one in made))


def _report(result: SigningResult, request: TrustRequest, world: World) -> Report:
    """The verdicts on all subjects, each once, from the bundles that were made."""
    rule = any_signer_unsafe(reason=_REASON)
    material = load_trust(request, world)
    targets = {
        Path(one.location) if Path(one.location).is_file() else one.digests[0]: one
        for made in result.made
        for one in made.subjects
    }
    bundles = tuple(dict.fromkeys(Path(made.location) for made in result.made if Path(made.location).is_file()))
    finders = () if bundles else (_Made(made=result.made),)
    return verify(
        VerifyRequest(targets=tuple(targets), rule=rule, trust=material, bundles=bundles, finders=finders), world
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """Bundles that have no file, as those that are attached to images."""

    made: tuple[Made, ...]
    name: str = "this run"

    def find(self, subjects: Sequence[Subject], world: World) -> Mapping[Digest, tuple[Found, ...]]:  # noqa: ARG002 - the protocol's
        """See `Finder.find`."""
        found: dict[Digest, list[Found]] = {}
        for one in self.made:
            for digest in (digest for subject in one.subjects for digest in subject.digests):
                found.setdefault(digest, []).append(Found(source=one.location, data=encode_bundle(one.bundle)))
        return {digest: tuple(some) for digest, some in found.items()}


def _folder(inputs: Inputs, world: World) -> Path | None:
    """Where the bundle goes: beside each file, else a folder of this step."""
    if given := inputs.text("bundle-folder"):
        return Path(given)
    temporary = world.environ.get("RUNNER_TEMP")
    if inputs.flag("bundle-per-subject") or not temporary:
        return None
    folder = Path(temporary) / f"sigstep-{world.entropy.token(8).hex()}"
    folder.mkdir(parents=True)
    return folder


def _conflict(why: str) -> UsageError:
    return UsageError(
        code="input-predicate-conflict", what="what to attest is named in several ways", why=why, fix="keep one of them"
    )
