"""The web process."""

import os

from django.core.wsgi import get_wsgi_application

from cdp.core import startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
startup.prepare()
application = get_wsgi_application()
startup.refuse_unsafe()
