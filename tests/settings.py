"""The project's settings; of several processes of tests at once, each has servers of its own."""

import os
import sys
from pathlib import Path

if "pytest" in sys.modules and (worker := os.environ.get("PYTEST_XDIST_WORKER")):
    os.environ["CDP_HOME"] = str(Path(os.environ.get("CDP_HOME", ".cdp")).resolve() / worker)

from cdp.settings import *  # noqa: F403
