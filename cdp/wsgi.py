"""The web process."""

import os

from django.core.wsgi import get_wsgi_application
from django.db import connections

from cdp.core import startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
startup.prepare()
application = get_wsgi_application()
startup.refuse_unsafe()
# A server that loads this module before it forks must not hand one connection to many.
connections.close_all()
