"""What every entry point does first, and what keeps an unsafe deployment from serving."""

import gc
import os
import sys

from cdp.core import embedded

# The one command that comes before there are servers: their keyring is made with it.
WITHOUT_SERVERS = "make_keyring"
# A batch allocates many small objects and none of them is garbage: looking for cycles after every 700 took a third of a run.
COLLECTED_AFTER = (100_000, 20, 50)


def prepare() -> None:
    """Start or join the embedded services this process needs (those without a URL in the environment)."""
    gc.set_threshold(*COLLECTED_AFTER)
    database, redis = "DATABASE_URL" not in os.environ, "REDIS_URL" not in os.environ
    if (database or redis) and sys.argv[1:2] != [WITHOUT_SERVERS]:
        embedded.ensure(database=database, redis=redis)


def refuse_unsafe() -> None:
    """Raise `ImproperlyConfigured` outside debug when a secret is missing, the role could undo the append-only rules, or
    the keyring is not the one that the database was written with."""
    from django.conf import settings

    if not settings.CDP_DEBUG:
        _refuse_missing_secrets()
        _refuse_owning_role()
        _refuse_other_keyring()
    _refuse_what_packages_refuse()


def _refuse_what_packages_refuse() -> None:
    """Ask the packages above, by the explicit list of `START_CHECKS`: each raises where serving would be wrong."""
    from django.conf import settings
    from django.utils.module_loading import import_string

    for check in settings.START_CHECKS:
        import_string(check)()


def _refuse_missing_secrets() -> None:
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    from cdp.core import keyring

    if len(settings.SECRET_KEY) < 40 or len(set(settings.SECRET_KEY)) < 10:
        raise ImproperlyConfigured("SECRET_KEY is missing or weak: set it to at least 40 random characters.")
    try:
        keyring.keys()
    except keyring.KeyringError as error:
        raise ImproperlyConfigured(str(error)) from None
    except OSError as error:
        raise ImproperlyConfigured(
            f"The keyring cannot be read ({error.strerror}): let the user of this process read the file that "
            "CDP_KEYRING_FILE names."
        ) from None


def _refuse_owning_role() -> None:
    from django.core.exceptions import ImproperlyConfigured
    from django.db import connection

    from cdp.core import sql

    with connection.cursor() as cursor:
        cursor.execute(sql.ROLE_IS_UNSAFE)
        if cursor.fetchone()[0]:
            raise ImproperlyConfigured(
                "The role of DATABASE_URL is a superuser or owns tables, so it could rewrite ledger and audit: "
                "connect as a role that owns nothing, and give the owner's URL to `manage.py migrate` "
                "as DATABASE_OWNER_URL only."
            )


def _refuse_other_keyring() -> None:
    from django.core.exceptions import ImproperlyConfigured

    from cdp.core import custody, errors

    try:
        custody.prove()
    except errors.NotReadable as error:
        raise ImproperlyConfigured(f"{error} `manage.py keys check` tells more.") from None
