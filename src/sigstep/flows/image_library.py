"""The library's doors for images; as those for files they raise unless everything is as asked."""

from __future__ import annotations

from pathlib import Path

from sigstep.flows.image_signing import SIGNATURE, ImageSigningRequest
from sigstep.flows.image_signing import sign_images as signing
from sigstep.flows.images import ImageRequest
from sigstep.flows.images import verify_images as verifying
from sigstep.flows.library import Refused, ambient, completed
from sigstep.flows.sign import Made
from sigstep.flows.signing_run import SigningOptions
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.model.statement import Predicate
from sigstep.model.verdict import Report
from sigstep.oci.reference import parse_reference
from sigstep.oci.saved import SavedImage
from sigstep.policy.rule import AllOf, Rule
from sigstep.policy.signer import HasPredicateType
from sigstep.ports.real import real_world
from sigstep.ports.world import World


def verify_images(
    *images: str | Path,
    rule: Rule,
    types: tuple[str, ...] = (),
    platform: str = "",
    recursive: bool = False,
    trust: TrustRequest | None = None,
    world: World | None = None,
) -> Report:
    """Verify container images by what is attached to them.

    Args:
        images: references, or (as paths) folders and archives of saved images.
        rule: who may have signed, and what else is asked of a proof.
        types: predicate types of an attestation that has to be there; without any a signature has to be.
        platform: of an index: the image for ``os/architecture``, or ``all``; empty: the index itself.
        recursive: an index and each image that it lists.
        trust: whose signatures count; the public-good instance and GitHub's by default.
        world: this machine by default.

    Returns:
        The report; every verdict in it is accepted.

    Raises:
        Refused: an image is not accepted.
        SigstepError: nothing to examine, or it could not be decided.
    """
    world = world or real_world()
    request = ImageRequest(
        images=tuple(SavedImage(path=one) if isinstance(one, Path) else parse_reference(one) for one in images),
        rule=AllOf((rule, HasPredicateType(types=types))) if types else rule,
        trust=load_trust(trust or TrustRequest(), world),
        attestation=bool(types),
        types=types,
        platform=platform,
        recursive=recursive,
    )
    report = verifying(request, world)
    if report.exit_code:
        raise Refused(report)
    return report


def sign_images(
    *images: str,
    predicates: tuple[Predicate, ...] = (SIGNATURE,),
    recursive: bool = False,
    options: SigningOptions | None = None,
    world: World | None = None,
) -> tuple[Made, ...]:
    """Sign or attest container images, and attach what was proved in their registry.

    Args:
        images: references; a tag is resolved once and pinned for the run.
        predicates: what is attested; by default the images are signed.
        recursive: an index and each image that it lists.
        options: how; by default with the token of the CI job this runs in.
        world: this machine by default.

    Raises:
        Incomplete: something was not signed or not attached.
        SigstepError: nothing could be begun.
    """
    request = ImageSigningRequest(
        images=tuple(parse_reference(one) for one in images),
        options=options or ambient(),
        predicates=predicates,
        recursive=recursive,
    )
    return completed(signing(request, world or real_world()))
