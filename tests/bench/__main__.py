"""`uv run python -m tests.bench NAME [options]`: run a bench, print its result as JSON with machine and commit."""

import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        print(f"usage: python -m tests.bench {{{','.join(NAMES)}}} [options]", file=sys.stderr)
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    result = importlib.import_module(f"tests.bench.{sys.argv[1]}").main(sys.argv[2:])
    print(json.dumps({"bench": sys.argv[1], **where(), **result}, indent=1, ensure_ascii=False, default=str))
    return 0


def where() -> dict[str, object]:
    """The commit and the machine, without which a figure says nothing."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {
        "commit": commit,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


if __name__ == "__main__":
    sys.exit(main())
