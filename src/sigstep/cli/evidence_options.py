"""Options that say how much evidence is asked for, and detached signatures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sigstep.cli.options import together
from sigstep.errors import UsageError
from sigstep.model.trust import ThresholdOverrides

if TYPE_CHECKING:
    from sigstep.flows.bundles import Detached

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_COUNT: Final = click.IntRange(min=0, max=32)
_OPTIONS: Final = (
    click.option("--signature", type=_FILE, help="A detached signature (or DSSE envelope) instead of a bundle."),
    click.option("--certificate", type=_FILE, help="The certificate of a detached signature, PEM or base64 of PEM."),
    click.option("--timestamp", type=_FILE, help="The RFC 3161 time stamp of a detached signature."),
    click.option("--min-entries", type=_COUNT, help="Log entries that are needed, each of another log."),
    click.option("--min-times", type=_COUNT, help="Trusted times that are needed, of whatever source."),
    click.option("--min-timestamps", type=_COUNT, help="RFC 3161 time stamps that are needed, of as many authorities."),
    click.option("--min-scts", type=_COUNT, help="Certificate timestamps that are needed, each of another CT log."),
    click.option("--min-witnesses", type=_COUNT, help="Known witnesses that are needed on each log entry's tree."),
    click.option(
        "--witness",
        "witness_keys",
        multiple=True,
        metavar="KEY|FILE",
        help="A witness to count: its verifier key name+id+key, or a file with one on each line.",
    ),
)


def evidence_options(command: Any) -> Any:
    """The options that say how much evidence is asked for, for a command that takes ``**options``."""
    return together(_OPTIONS, command)


def thresholds_of(options: dict[str, Any]) -> ThresholdOverrides | None:
    """What is asked for instead of the instance's thresholds."""
    asked = {
        "entries": options["min_entries"],
        "times": options["min_times"],
        "signed_times": options["min_timestamps"],
        "scts": options["min_scts"],
        "witnesses": options["min_witnesses"],
    }
    return ThresholdOverrides(**asked) if any(value is not None for value in asked.values()) else None


def detached_of(options: dict[str, Any]) -> Detached | None:
    """The detached signature that is named.

    Raises:
        UsageError: ``option-conflict``: a part is named without the signature.
    """
    if options["signature"] is not None:
        from sigstep.flows.bundles import Detached

        return Detached(
            signature=options["signature"], certificate=options["certificate"], timestamp=options["timestamp"]
        )
    if options["certificate"] or options["timestamp"]:
        raise UsageError(
            code="option-conflict",
            what="--certificate and --timestamp belong to a detached signature",
            why="no signature is named",
            fix="give --signature too, or --bundle alone",
        )
    return None
