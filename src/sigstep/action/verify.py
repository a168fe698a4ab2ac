"""The step ``verify``: files, digests and images, judged before they are published or deployed."""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sigstep.action.inputs import Inputs
from sigstep.action.result import StepResult, of_report
from sigstep.errors import NothingToExamine, UsageError
from sigstep.flows.gate import Guarded, gate_of, guarded_policy
from sigstep.flows.images import ImageRequest, verify_images
from sigstep.flows.places import Places, finders
from sigstep.flows.policies import with_own_trust
from sigstep.flows.policy_images import PolicyImageRequest, verify_policy_images
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.flows.verify import VerifyRequest, verify
from sigstep.model.bundle import FILE_ENDINGS
from sigstep.model.digest import Digest
from sigstep.model.trust import TrustMaterial
from sigstep.model.verdict import Finding, Report, Verdict
from sigstep.oci.reference import Reference, parse_reference
from sigstep.oci.saved import SavedImage
from sigstep.policy.matcher import Matcher
from sigstep.policy.release import released_by
from sigstep.policy.rule import AllOf, Rule
from sigstep.policy.signer import HasPredicateType, SignedBy, owner, repository, signer_workflow
from sigstep.ports.store import Finder
from sigstep.ports.world import World
from sigstep.rendering.page import Told
from sigstep.subjects.checksums import ChecksumSubjects
from sigstep.subjects.directory import is_bundle
from sigstep.subjects.files import FileSubjects
from sigstep.subjects.manifest import read_images

_SIGNERS = (
    *("repo", "owner", "signer-workflow", "release-of", "identity", "issuer"),
    *("deny-self-hosted-runners", "predicate-type"),
)


def run(inputs: Inputs, world: World) -> StepResult:
    """Verify what the inputs name.

    Raises:
        UsageError: ``input-signer-missing``, ``input-policy-conflict``, or an input that is malformed.
        SigstepError: nothing to examine, or it could not be decided.
    """
    with tempfile.TemporaryDirectory(prefix="sigstep-policy-") as folder:
        return _run(inputs, world, _policy(inputs, world, Path(folder)))


def _run(inputs: Inputs, world: World, guarded: Guarded | None) -> StepResult:
    rule = guarded.opened.rule if guarded else rule_of(inputs)
    trust = _trust(inputs, guarded, world)
    files = _targets(inputs, world)
    images, named_in = _images(inputs)
    if not files and not images:
        raise NothingToExamine(
            code="no-subject",
            what="nothing is named to verify",
            why="subject-path, subject-digest, subject-checksums, image and in are empty",
            fix="name what is to be published or deployed",
        )
    verdicts: tuple[Verdict, ...] = ()
    if files:
        request = VerifyRequest(
            targets=files,
            rule=rule,
            trust=trust,
            bundles=bundles_of(inputs),
            finders=() if inputs.entries("bundle-path") else _places(inputs, world),
            ask_always=any(inputs.text(name) for name in ("github", "registry", "release-tag")),
            online=not inputs.flag("offline"),
            policy=guarded.opened if guarded else None,
        )
        verdicts = verify(request, world).verdicts
    if images:
        verdicts += _image_verdicts(images, named_in, rule, trust, guarded, inputs, world)
    report = Report(verdicts=verdicts, policy_digest=str(guarded.opened.policy.digest) if guarded else "")
    notes = (f"Judged by the policy {guarded.source}.",) if guarded else ()
    warnings: tuple[Finding, ...] = guarded.findings if guarded else ()
    problems = tuple(("policy", one) for one in warnings)
    told = Told(notes=notes, remarks=problems)
    return of_report(report, told=told, warnings=warnings)


def rule_of(inputs: Inputs) -> Rule:
    """The rule that the inputs state; a signer has to be named.

    Raises:
        UsageError: ``input-signer-missing``, ``input-issuer-missing``.
    """
    makers: dict[str, Callable[[str], Rule]] = {
        "repo": repository,
        "owner": owner,
        "signer-workflow": signer_workflow,
        "release-of": released_by,
    }
    rules = [make(inputs.text(name)) for name, make in makers.items() if inputs.text(name)]
    if identity := inputs.text("identity"):
        if not inputs.text("issuer"):
            raise UsageError(
                code="input-issuer-missing",
                what="the input identity is given without the input issuer",
                why="the same name may exist at another issuer",
                fix="add `issuer:`, for workflows https://token.actions.githubusercontent.com",
            )
        rules.append(SignedBy(subject=Matcher(identity), issuer=Matcher(inputs.text("issuer"))))
    if not rules:
        raise UsageError(
            code="input-signer-missing",
            what="no signer is named",
            why="anybody can sign; only a signer that you name says something",
            fix="add `repo: owner/name`, `signer-workflow:`, `release-of:`, `identity:` with `issuer:`, or `policy:`",
        )
    if inputs.flag("deny-self-hosted-runners"):
        rules.append(SignedBy(extensions=(("runner-environment", Matcher("github-hosted")),)))
    if types := inputs.lines("predicate-type"):
        rules.append(HasPredicateType(types=types))
    return AllOf(tuple(rules))


def bundles_of(inputs: Inputs) -> tuple[Path, ...]:
    """Files with bundles: paths, globs, and folders, of which every bundle file counts.

    Raises:
        NothingToExamine: ``bundle-missing``: one of them matches nothing.
    """
    found: dict[Path, None] = {}
    for pattern in inputs.entries("bundle-path"):
        path = Path(pattern)
        if path.is_dir():
            some = sorted(
                one
                for one in path.rglob("*")
                if one.is_file() and one.name.endswith((*FILE_ENDINGS, ".json", ".jsonl"))
            )
        else:
            some = _matching(pattern)
        if not some:
            raise NothingToExamine(
                code="bundle-missing", what=f"{pattern!r} matches no bundle", fix="check what wrote the bundles"
            )
        found.update(dict.fromkeys(some))
    return tuple(found)


def _matching(pattern: str) -> list[Path]:
    """The file of that path, else the files that it matches as a glob."""
    if Path(pattern).exists():
        return [Path(pattern)]
    return [one for name in sorted(glob.glob(pattern, recursive=True)) if (one := Path(name)).is_file()]  # noqa: PTH207 - absolute patterns


def _policy(inputs: Inputs, world: World, folder: Path) -> Guarded | None:
    path = inputs.text("policy")
    if not path:
        return None
    if others := [name for name in _SIGNERS if inputs.text(name) not in ("", "false")]:
        raise UsageError(
            code="input-policy-conflict",
            what=f"policy is given, and {others[0]} too",
            why="the policy file says alone who may sign",
            fix="write the signer into the policy file",
        )
    gate = gate_of(
        world,
        path,
        ref=inputs.text("policy-ref"),
        digest=inputs.text("policy-digest"),
        token=inputs.text("github-token"),
    )
    return guarded_policy(gate, world, folder)


def _trust(inputs: Inputs, guarded: Guarded | None, world: World) -> TrustMaterial:
    config = inputs.text("trust-config") or world.environ.get("SIGSTEP_TRUST_CONFIG", "")
    offline = inputs.flag("offline")
    request = TrustRequest(
        instances=inputs.lines("instance"),
        trusted_roots=tuple(Path(line) for line in inputs.lines("trusted-root")),
        trust_config=Path(config) if config else None,
        offline=offline,
    )
    material = replace(load_trust(request, world), certificates_too=guarded is not None)
    return with_own_trust(material, guarded.opened, world, offline=offline) if guarded else material


def _targets(inputs: Inputs, world: World) -> tuple[Path | Digest, ...]:
    targets: list[Path | Digest] = [Digest.parse(line) for line in inputs.lines("subject-digest")]
    if checksums := inputs.text("subject-checksums"):
        targets += [one.digests[0] for one in ChecksumSubjects(path=Path(checksums)).resolve(world)]
    if patterns := inputs.entries("subject-path"):
        found = FileSubjects(patterns=patterns, descend=True).resolve(world)
        paths = [Path(one.location) for one in found]
        there = set(paths)
        targets += [path for path in paths if not is_bundle(path, there)]
    return tuple(targets)


def _images(inputs: Inputs) -> tuple[tuple[Reference | SavedImage, ...], dict[Reference, tuple[str, ...]]]:
    """Images and saved images, and the places that name those of files."""
    named: list[Reference | SavedImage] = [
        SavedImage(path=Path(one)) if Path(one).exists() else parse_reference(one) for one in inputs.entries("image")
    ]
    places: dict[Reference, tuple[str, ...]] = {}
    for line in inputs.entries("in"):
        listed = [one for path in _matching(line) or [Path(line)] for one in read_images(path)]
        if not listed:
            raise NothingToExamine(
                code="no-subject", what=f"{line} names no image", fix="check that it is the right file"
            )
        for one in listed:
            places[one.reference] = (*places.get(one.reference, ()), f"{one.path}:{one.line}")
    return (*named, *(one for one in places if one not in named)), places


def _places(inputs: Inputs, world: World) -> tuple[Finder, ...]:
    """Where bundles are looked for: GitHub about the repository that has to have made it, else about this one."""
    if inputs.flag("offline"):
        return ()
    about = inputs.text("github") or inputs.text("repo") or inputs.text("owner")
    about = about or inputs.text("release-of").partition("@")[0]
    types = inputs.lines("predicate-type")
    return finders(
        Places(
            github=about or world.environ.get("GITHUB_REPOSITORY", ""),
            registry=inputs.text("registry"),
            release=inputs.text("release-tag"),
            token=inputs.text("github-token"),
            predicate_type=types[0] if len(types) == 1 else "",
        ),
        world,
    )


def _image_verdicts(
    images: tuple[Reference | SavedImage, ...],
    places: dict[Reference, tuple[str, ...]],
    rule: Rule,
    trust: TrustMaterial,
    guarded: Guarded | None,
    inputs: Inputs,
    world: World,
) -> tuple[Verdict, ...]:
    if inputs.flag("offline") and not all(isinstance(one, SavedImage) for one in images):
        raise UsageError(
            code="image-offline",
            what="an image in a registry cannot be verified offline",
            why="what is attached to it is in the registry too",
            fix="save it with all that is attached to it, and verify the folder",
        )
    platform, recursive = inputs.text("platform"), inputs.flag("recursive")
    if guarded:
        by_policy = PolicyImageRequest(
            images=images,
            policy=guarded.opened,
            trust=trust,
            platform=platform,
            recursive=recursive,
            places=places,
        )
        return verify_policy_images(by_policy, world)
    types = inputs.lines("predicate-type")
    request = ImageRequest(
        images=images,
        rule=rule,
        trust=trust,
        attestation=bool(types),
        types=types,
        platform=platform,
        recursive=recursive,
        places=places,
        finders=lambda: _places(inputs, world),
    )
    return verify_images(request, world).verdicts
