"""``sigstep policy admit``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sigstep.cli.registry_options import registry_options, settings_of
from sigstep.cli.trust_options import trust_options, trust_request
from sigstep.engines import ENGINES
from sigstep.errors import UsageError
from sigstep.flows.admission import OWN, AdmissionRequest, admit
from sigstep.flows.engine_policies import ExportRequest, export_policy
from sigstep.flows.policies import open_policy, with_own_trust
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.model import limits
from sigstep.model.trust import TrustedRoot
from sigstep.oci.saved import SavedImage, parse_saved
from sigstep.policy.document import is_own
from sigstep.ports.real import real_world
from sigstep.ports.recorded import RecordedHttp
from sigstep.ports.world import World
from sigstep.rendering.admission import admission_json, admission_text
from sigstep.rendering.text import plain

_FORMS = {"text": admission_text, "json": admission_json}
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


@click.command("admit")
@click.option("--engine", type=click.Choice([OWN, *ENGINES]), default=OWN, show_default=True, help="Who would judge.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="The engine's own files (or folders with them), or a policy file of sigstep, which is exported first.",
)
@click.option(
    "-f",
    "--filename",
    "manifests",
    multiple=True,
    required=True,
    metavar="FILE|FOLDER|-",
    help="Manifests; - for standard input (kustomize build, helm template). May be repeated.",
)
@click.option("--trust", "named", multiple=True, metavar="NAME=FILE", help="A trusted root that policies call NAME.")
@click.option("--no-match", type=click.Choice(["deny", "warn", "allow"]), help="Where no policy matches an image.")
@click.option("--saved", multiple=True, metavar="IMAGE=FOLDER", help="Read an image from where it was saved.")
@click.option("--responses", type=click.Path(path_type=Path), help="Answer from a folder with recorded answers.")
@click.option("--record", is_flag=True, help="Record the answers of registries in --responses.")
@click.option("--strict", is_flag=True, help="Count warnings as denials: what is admitted without being verified.")
@click.option("--format", "form", type=click.Choice(list(_FORMS)), default="text", show_default=True, help="Output.")
@registry_options
@trust_options
def command(**options: Any) -> int:
    """Say what an admission engine would do with images.

    They are those of Kubernetes manifests, before these are deployed.

    Exit status: 0 admitted (warnings are told), 1 denied (with --strict: or warned), or a policy or manifest cannot be
    read, 2 usage, 3 no workload, 4 it cannot be told.
    """
    world = _world(options)
    request = AdmissionRequest(
        manifests=tuple(_manifests(options["manifests"])),
        engine=options["engine"],
        trust=load_trust(trust_request(options), world),
        named=dict(_named(one, options, world) for one in options["named"]),
        default=options["no_match"] or "",
        saved=dict(_saved(one) for one in options["saved"]),
        settings=settings_of(options),
        offline=options["offline"] and options["responses"] is None,
    )
    if options["engine"] == OWN:
        request = _with_own(request, options, world)
    else:
        files = [file for path in options["policies"] for file in _files(path)]
        documents = tuple(_read(one) for one in files)
        own = len(files) == 1 and is_own(documents[0])
        request = replace(request, documents=_exported(files[0], request, options, world) if own else documents)
    report = admit(request, world)
    click.echo(_FORMS[options["form"]](report))
    return 1 if options["strict"] and report.warned else report.exit_code


def _with_own(request: AdmissionRequest, options: dict[str, Any], world: World) -> AdmissionRequest:
    if len(options["policies"]) != 1:
        raise UsageError(
            code="option-conflict",
            what="several policy files are named",
            why="sigstep judges by one",
            fix="name one with --policy, or an engine with --engine",
        )
    opened = open_policy(options["policies"][0])
    trust = with_own_trust(request.trust, opened, world, offline=options["offline"])
    return replace(request, policy=opened, trust=replace(trust, certificates_too=True))


def _exported(path: Path, request: AdmissionRequest, options: dict[str, Any], world: World) -> tuple[bytes, ...]:
    """A policy file of sigstep as the engine's own files; what is lost on the way is told."""
    opened = open_policy(path)
    trust = with_own_trust(request.trust, opened, world, offline=options["offline"])
    asked = ExportRequest(engine=request.engine, policy=opened.policy, keys=dict(opened.spki), trust=trust)
    made = export_policy(asked, world)
    for one in made.losses:
        click.echo(f"{plain(one.place)}: {plain(one.what)}", err=True)
    return tuple(one.data for one in made.files if not one.beside)


def _world(options: dict[str, Any]) -> World:
    world = real_world()
    if options["responses"] is None:
        if options["record"]:
            raise UsageError(
                code="option-conflict",
                what="--record needs --responses",
                why="the folder says where to",
                fix="give --responses DIR --record",
            )
        return world
    return replace(world, http=RecordedHttp(options["responses"], world.http if options["record"] else None))


def _named(text: str, options: dict[str, Any], world: World) -> tuple[str, TrustedRoot]:
    name, equals, path = text.partition("=")
    roots = (
        load_trust(TrustRequest(trusted_roots=(Path(path),), offline=options["offline"]), world).roots if path else ()
    )
    if not equals or not name or len(roots) != 1:
        raise UsageError(
            code="option-malformed",
            what=f"{text[:100]!r} is not NAME=FILE",
            why="a name stands for one trusted root",
            fix="write --trust corp=trusted_root.json",
        )
    return name, roots[0]


def _saved(text: str) -> tuple[str, SavedImage]:
    image, equals, place = text.partition("=")
    if not equals or not image or not place:
        raise UsageError(
            code="option-malformed",
            what=f"{text[:100]!r} is not IMAGE=FOLDER",
            why="the image is written as in the manifests",
            fix="write --saved ghcr.io/acme/app:v1=./saved",
        )
    return image, parse_saved(place) or SavedImage(path=Path(place))


def _manifests(names: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    for name in names:
        if name == "-":
            yield "standard input", sys.stdin.buffer.read(limits.POLICY_BYTES + 1)
            continue
        for path in _files(Path(name)):
            yield str(path), _read(path)


def _files(path: Path) -> list[Path]:
    """The file itself, or what a folder has."""
    if not path.is_dir():
        return [path]
    found = sorted(one for one in path.rglob("*") if one.suffix in _SUFFIXES and one.is_file())
    if not found:
        raise UsageError(
            code="file-unreadable",
            what=f"{path} has no manifest",
            why="none ends in .yaml, .yml or .json",
            fix="check the path",
        )
    return found


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limits.POLICY_BYTES + 1)
    except OSError as error:
        raise UsageError(
            code="file-unreadable", what=f"{path} cannot be read", why=error.strerror or "", fix="check the path"
        ) from None
