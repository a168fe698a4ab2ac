"""Writing files whole: a run that is ended leaves either the old file or the new one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sigstep.errors import UsageError


def write_whole(path: Path, data: bytes) -> None:
    """Write a whole file or nothing (temporary file in the same folder, fsync, rename).

    Raises:
        UsageError: ``output-unwritable``.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".sigstep-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            code="output-unwritable",
            what=f"{str(path)!r} cannot be written",
            why=error.strerror or type(error).__name__,
            fix="check the folder and its permissions, or give another one with --output-dir",
        ) from None
