"""The Action's step: sigstep of this tree, on the environment that setup.sh made. Run with ``python -I``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from sigstep.action.main import main

sys.exit(main())
