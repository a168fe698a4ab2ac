"""``python -m sigstep.action``: the step, where sigstep is installed, as in the container."""

import sys

from sigstep.action.main import main

sys.exit(main())
