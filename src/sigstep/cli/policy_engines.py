"""``sigstep policy export``, ``convert`` and ``from-image``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sigstep.cli.registry_options import image_place, registry_options, settings_of
from sigstep.cli.trust_options import trust_options, trust_request
from sigstep.engines import ENGINES
from sigstep.errors import SigstepError, UsageError
from sigstep.flows.engine_policies import ExportRequest, convert, export_policy, keys_in
from sigstep.flows.policies import open_policy, read_named, with_own_trust
from sigstep.flows.policy_proposals import ProposalRequest, propose
from sigstep.flows.trust import load_trust
from sigstep.model.trust import TrustMaterial
from sigstep.oci.reference import Reference, parse_reference
from sigstep.oci.saved import SavedImage
from sigstep.policy.document import Policy
from sigstep.policy.engine import ExportedFile, Loss
from sigstep.policy.writing import write_policy
from sigstep.ports.real import real_world
from sigstep.ports.world import World
from sigstep.ports.writing import write_whole
from sigstep.rendering.text import plain

_FILE = click.Path(path_type=Path, dir_okay=False)
_ENGINE = click.Choice(list(ENGINES))
_OUT = click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="A folder to write the files into.")
_NAME = click.option("--image-name", metavar="IMAGE", help="The name under which a saved image is deployed.")


@click.command("export")
@click.argument("file", type=_FILE, default=".github/sigstep.yml")
@click.option("--engine", type=_ENGINE, required=True, help="The admission engine.")
@click.option("--image", metavar="IMAGE|FOLDER", help="An image that the result has to admit; it is tried before.")
@_NAME
@_OUT
@trust_options
@registry_options
def export(file: Path, engine: str, image: str | None, image_name: str | None, out: Path | None, **options: Any) -> int:
    """Write a policy file for an admission engine.

    What makes it whole is written with it.

    The result is read again and compared, and tried on the image, before it is written. What the engine cannot be told
    is refused; what has to be known beside it is told on standard error.

    Exit status: 0 written, 1 refused, 2 usage, 4 could not decide.
    """
    world = real_world()
    opened = open_policy(file)
    trust = with_own_trust(_trust(options, world), opened, world, offline=options["offline"])
    name, place = _image(image, image_name)
    request = ExportRequest(
        engine=engine,
        policy=opened.policy,
        keys=dict(opened.spki),
        trust=trust,
        image=name,
        place=place,
        settings=settings_of(options),
    )
    made = export_policy(request, world)
    _tell(made.losses)
    _write(made.files, out)
    return 0


@click.command("convert")
@click.argument("files", nargs=-1, type=_FILE, required=True)
@click.option("--from", "source", type=_ENGINE, required=True, help="The engine whose files they are.")
@click.option("--to", "target", type=click.Choice(["sigstep", *ENGINES]), default="sigstep", show_default=True)
@_OUT
@trust_options
def convert_command(files: tuple[Path, ...], source: str, target: str, out: Path | None, **options: Any) -> int:
    """Turn an engine's policies into a policy file or another's.

    Every loss is told, one a line, on standard error; a loss that cannot be taken is refused.

    Exit status: 0 converted, 1 refused, 2 usage.
    """
    policy, losses = convert(source, [read_named(one) for one in files])
    _tell(losses)
    if target == "sigstep":
        _write((ExportedFile(name="sigstep.yml", data=write_policy(policy), what="the policy file"),), out)
        return 0
    world = real_world()
    request = ExportRequest(engine=target, policy=policy, keys=keys_in(policy), trust=_trust(options, world))
    made = export_policy(request, world)
    _tell(made.losses)
    _write(made.files, out)
    return 0


@click.command("from-image")
@click.argument("image", metavar="IMAGE|FOLDER")
@_NAME
@click.option("--identity", "subject", default="", help="Of several signers the one that is meant.")
@click.option("--any-ref", is_flag=True, help="Any branch and tag of the signer's workflow, instead of the observed.")
@trust_options
@registry_options
def from_image(image: str, image_name: str | None, subject: str, any_ref: bool, **options: Any) -> int:
    """Print a policy file that takes what an image's signer signs.

    Which engines could enforce it is said too.

    Exit status: 0 proposed, 1 nothing verifies or several signers, 2 usage, 4 could not decide.
    """
    world = real_world()
    name, place = _image(image, image_name)
    assert name is not None
    request = ProposalRequest(
        image=name,
        place=place,
        trust=_trust(options, world),
        subject=subject,
        any_ref=any_ref,
        settings=settings_of(options),
    )
    made = propose(request, world)
    for line in made.observed:
        click.echo(f"found: {plain(line)}", err=True)
    for line in readable(made.policy, request, world):
        click.echo(plain(line), err=True)
    click.echo(write_policy(made.policy).decode(), nl=False)
    return 0


def readable(policy: Policy, request: ProposalRequest, world: World) -> list[str]:
    """For each engine whether it could enforce the policy on the image, and why not."""
    lines = []
    for engine in ENGINES:
        asked = ExportRequest(
            engine=engine,
            policy=policy,
            keys={},
            trust=request.trust,
            image=request.image,
            place=request.place,
            settings=request.settings,
        )
        try:
            export_policy(asked, world)
            lines.append(f"{engine}: would admit it")
        except SigstepError as error:
            lines.append(f"{engine}: {error.what}: {error.why}")
    return lines


def _image(image: str | None, name: str | None) -> tuple[Reference | None, SavedImage | None]:
    """The reference that rules go by, and where the image is read from if that is not its registry."""
    if image is None:
        return None, None
    place = image_place(image)
    if isinstance(place, Reference):
        return place, None
    if name is None:
        raise UsageError(
            code="image-unnamed",
            what="a saved image has no name that rules could go by",
            why=f"{image[:200]} is read from a folder or file",
            fix="give --image-name: the reference it is deployed under",
        )
    return parse_reference(name), place


def _trust(options: dict[str, Any], world: World) -> TrustMaterial:
    return load_trust(trust_request(options), world)


def _tell(losses: Sequence[Loss]) -> None:
    for one in losses:
        click.echo(f"{'refused' if one.refused else 'note'}: {plain(one.place)}: {plain(one.what)}", err=True)


def _write(files: Sequence[ExportedFile], out: Path | None) -> None:
    if out is None:
        click.echo("---\n".join(one.data.decode() for one in files), nl=False)
        return
    out.mkdir(parents=True, exist_ok=True)
    for one in files:
        write_whole(out / one.name, one.data)
        click.echo(f"{plain(str(out / one.name))}: {plain(one.what)}")
