"""SBOMs against their schemas, on demand: CycloneDX's and SPDX's own libraries hold the schemas.

They read in a child process: what a stranger wrote can neither take longer than the limit nor more than this process.
"""

from __future__ import annotations

import sys
from typing import Final

from sigstep.errors import FormatError, UsageError
from sigstep.flows.sbom_schema_child import GOOD, MISSING
from sigstep.ports.world import World

LIMIT_SECONDS: Final = 300.0


def check_schema(data: bytes, media_type: str, world: World, *, limit_seconds: float = LIMIT_SECONDS) -> None:
    """Hold an SBOM against the schema of its version.

    Args:
        data: the whole document.
        media_type: see `sigstep.flows.reports.media_type_of`.
        world: for the child process.
        limit_seconds: the child is ended after that.

    Raises:
        UsageError: ``sbom-library-missing``.
        FormatError: ``sbom-schema``, with the first thing that the schema refuses.
        ServiceError: ``process-timeout``.
    """
    arguments = (sys.executable, "-I", "-m", "sigstep.flows.sbom_schema_child", media_type)
    done = world.process.run(arguments, timeout=limit_seconds, stdin=data)
    if done.status == MISSING:
        raise UsageError(
            code="sbom-library-missing",
            what="SBOMs cannot be held against their schema here",
            why=f"it needs the extra `sbom`: {done.stderr.decode('utf-8', 'replace')[-200:]}",
            fix="install sigstep[sbom], or leave out --check-schema",
        )
    if done.status != 0 or done.stdout != GOOD.encode():
        raise FormatError(
            code="sbom-schema",
            what="the SBOM does not satisfy the schema of its version",
            why=(done.stdout or done.stderr).decode("utf-8", "replace")[-400:] or "it was not checked",
            fix="make it again with a tool that writes this version",
        )
