"""The project's settings; each process of tests has servers of its own, beside those of the installation."""

import os
import sys
from pathlib import Path

if "pytest" in sys.modules:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "tests")
    os.environ["CDP_HOME"] = str(Path(os.environ.get("CDP_HOME", ".cdp")).resolve() / worker)

from cdp.settings import *  # noqa: F403

# However slow the machine, each count is of now.
QUICK_COUNT_SECONDS = float("inf")
