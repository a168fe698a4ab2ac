"""Options of ``attest`` that say what is attested."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import click

from sigstep.cli.options import together
from sigstep.cli.signing_options import FILE
from sigstep.errors import FormatError, UsageError
from sigstep.flows import reports
from sigstep.flows.sbom_making import sbom_named
from sigstep.model import limits
from sigstep.model.statement import PROVENANCE, Predicate
from sigstep.oidc.missing import github_event
from sigstep.ports.world import World
from sigstep.predicates.registry import type_uri
from sigstep.predicates.slsa_provenance import Extras
from sigstep.wire import strict_json

_OPTIONS: Final = (
    click.option("--provenance", is_flag=True, help="SLSA provenance of this job; the default where nothing else is."),
    click.option("--sbom", "sboms", multiple=True, metavar="FILE|auto[:WHAT]", help="An SBOM: SPDX or CycloneDX."),
    click.option("--vuln", "scans", multiple=True, type=FILE, help="A scan: Grype, Trivy, OSV-Scanner JSON, or SARIF."),
    click.option("--vuln-form", type=click.Choice(reports.FORMS), default="cosign", show_default=True,
                 help="The predicate of scans: with the report, or in-toto's list."),
    click.option("--test-results", "tests", multiple=True, type=FILE, help="Test results: JUnit XML."),
    click.option("--vex", "vexes", multiple=True, type=FILE, help="An OpenVEX document."),
    click.option("--type", "kind", metavar="NAME|URI", help="The type of --predicate."),
    click.option("--predicate", type=FILE, help="A file with a predicate of the type --type."),
    click.option("--check-schema", is_flag=True, help="Hold SBOMs against the schema of their version too."),
    click.option("--workflow-input", "inputs", multiple=True, metavar="NAME",
                 help="Provenance: write this input of the workflow; it becomes public."),
    click.option("--build-started", metavar="TIME", help="Provenance: when the build began (RFC 3339)."),
    click.option("--build-finished", metavar="TIME", help="Provenance: when the build ended (RFC 3339)."),
    click.option("--dependencies", type=FILE,
                 help="Provenance: a JSON list of ResourceDescriptors of what the build took."),
)  # fmt: skip


def report_options(command: Any) -> Any:
    """What may be attested."""
    return together(_OPTIONS, command)


def predicates_of(given: dict[str, Any], world: World, *, nothing: bool = False) -> tuple[Predicate, ...]:
    """The predicates that the options name, in a fixed order; provenance where they name none (``nothing``: none then).

    Raises:
        UsageError: ``predicate-missing``, or a file cannot be read.
        FormatError: a file is not what its option says.
        ServiceError: the SBOM cannot be made.
    """
    reading = reports.Reading(schema=given["check_schema"], form=given["vuln_form"])
    kind, file = given["kind"], given["predicate"]
    found = [PROVENANCE] if given["provenance"] else []
    found += [sbom_named(one, world, reading) for one in given["sboms"]]
    found += [reports.scan(one, world, reading) for one in given["scans"]]
    found += [reports.junit(one, world) for one in given["tests"]]
    found += [reports.vex_document(one) for one in given["vexes"]]
    if file is not None:
        found.append(reports.typed(kind or PROVENANCE.type, file, world, reading))
    elif kind is not None and type_uri(kind) == PROVENANCE.type:
        found.append(PROVENANCE)
    elif kind is not None:
        raise UsageError(
            code="predicate-missing",
            what="a type is given without a predicate",
            why="only SLSA provenance is made by attest itself",
            fix="give --predicate FILE",
        )
    return tuple(found) or (() if nothing else (PROVENANCE,))


def extras_of(given: dict[str, Any], world: World) -> Extras:
    """What provenance made here says beside the claims of the token.

    Raises:
        UsageError: ``option-malformed``, ``file-unreadable``.
        FormatError: the list of dependencies is malformed.
    """
    inputs = github_event(world).get("inputs")
    return Extras(
        started=_time(given["build_started"]),
        finished=_time(given["build_finished"]),
        inputs=inputs if isinstance(inputs, dict) else {},
        allowed_inputs=given["inputs"],
        dependencies=_dependencies(given["dependencies"]),
    )


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise UsageError(
            code="option-malformed", what=f"{text[:40]!r} is not a time", why="", fix="write 2026-01-31T12:00:00Z"
        )
    return time.astimezone(timezone.utc)


def _dependencies(path: Path | None) -> tuple[dict[str, Any], ...]:
    if path is None:
        return ()
    value = strict_json.loads(
        reports.read(path, limits.PREDICATE_BYTES), at_most=limits.PREDICATE_BYTES, name="list of dependencies"
    )
    good = isinstance(value, list) and all(
        isinstance(one, dict) and any(one.get(name) for name in ("uri", "digest", "content")) for one in value
    )
    if not good:
        raise FormatError(
            code="predicate-malformed",
            what=f"{path} is no list of ResourceDescriptors",
            why="each has a uri, a digest or content (in-toto attestation framework, ResourceDescriptor)",
            fix="write a JSON list of objects",
        )
    return tuple(value)
