#!/usr/bin/env python
"""Every command of the product: `uv run manage.py help`."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    from django.core.management import execute_from_command_line

    from cdp.core import logs, startup

    sys.excepthook = logs.tell_end
    startup.prepare()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
