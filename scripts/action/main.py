"""The Action's step: sigstep of this tree, on the environment that setup.sh made. Run with ``python -I -S -B``."""

import os
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
root = here.parents[1]
sys.pycache_prefix = os.devnull  # no compiled file of anybody's is read
sys.path.insert(0, str(here))

from environment import check  # noqa: E402 - the path is set first

environment = Path(os.environ["SIGSTEP_ENVIRONMENT"])  # noqa: TID251 - before any of sigstep is imported
sys.path[:1] = [str(root / "src"), str(check(environment, root / "requirements" / "action.txt"))]

from sigstep.action.main import main  # noqa: E402 - the environment is checked first

sys.exit(main())
