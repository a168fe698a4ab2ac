"""``sigstep complete``."""

from __future__ import annotations

from pathlib import Path

import click

from sigstep.cli.durations import duration
from sigstep.cli.signing_options import FILE, tell
from sigstep.flows.complete import complete
from sigstep.flows.trust import TrustRequest
from sigstep.ports.real import real_world


@click.command("complete")
@click.argument("bundles", nargs=-1, type=FILE, metavar="BUNDLE...")
@click.option("--instance", metavar="NAME|URL", help="The instance that they were signed with.")
@click.option("--trust-config", type=FILE, envvar="SIGSTEP_TRUST_CONFIG", help="A client trust config file.")
@click.option("--tuf-root", type=FILE, help="The first root.json of a TUF repository of your own.")
@click.option("--retry-for", default="10m", metavar="TIME", help="How long to try again, e.g. 90s, 45m, 2h.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Form of the result.")
def command(
    bundles: tuple[Path, ...],
    instance: str | None,
    trust_config: Path | None,
    tuf_root: Path | None,
    retry_for: str,
    form: str,
) -> int:
    """Give pending bundles their log entry, in place.

    No token is needed: what was signed stays signed. Exit status: 0 all complete, 4 the log is still out.
    """
    trust = TrustRequest(
        instances=(instance,) if instance else (),
        trust_config=trust_config if not instance else None,
        tuf_root=tuf_root,
    )
    return tell(complete(bundles, trust, duration(retry_for), real_world()), form)
