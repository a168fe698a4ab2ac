"""``python -m sigstep``."""

from __future__ import annotations

from sigstep.cli.main import main

if __name__ == "__main__":
    main()
