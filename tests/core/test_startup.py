"""A deployment with anything missing does not start; a laptop starts with nothing set."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections

from cdp.core.keyring import new_keyring

ROOT = Path(__file__).parents[2]


@pytest.fixture
def deployment(db) -> dict[str, str]:
    """The environment of a sound deployment on the test database."""
    return {
        "PATH": os.environ["PATH"],
        "CDP_HOME": os.environ.get("CDP_HOME", ""),
        "DATABASE_URL": url("default"),
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "CDP_KEYRING": new_keyring(),
        "ALLOWED_HOSTS": "cdp.example.com",
    }


def url(alias: str) -> str:
    parts, name = connections[alias].settings_dict, connections["default"].settings_dict["NAME"]
    return f"postgresql://{parts['USER']}@/{name}?host={parts['HOST']}"


def start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in environment.items() if value}
    return subprocess.run(
        [sys.executable, "-c", "import cdp.wsgi; print('serving')"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_a_sound_deployment_starts(deployment: dict[str, str]) -> None:
    assert start(deployment).stdout.strip() == "serving"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY"),
        ({"CDP_KEYRING": "", "CDP_KEYRING_FILE": "/nonexistent/keyring.json"}, "make_keyring"),
        ({"CDP_KEYRING": "{}"}, "make_keyring"),
    ],
)
def test_encryption_rule_8_a_missing_or_weak_secret_is_refused(
    deployment: dict[str, str], change: dict[str, str], said: str
) -> None:
    result = start(deployment | change)
    assert result.returncode != 0
    assert said in result.stderr
    assert "serving" not in result.stdout


def test_the_role_that_owns_the_tables_is_refused(deployment: dict[str, str]) -> None:
    result = start(deployment | {"DATABASE_URL": url("owner")})
    assert result.returncode != 0
    assert "owns tables" in result.stderr


def test_migrating_without_the_owners_url_says_what_to_set(deployment: dict[str, str]) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        cwd=ROOT, env={k: v for k, v in deployment.items() if v}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "DATABASE_OWNER_URL" in result.stderr


def test_djangos_error_pages_are_never_on() -> None:
    assert settings.DEBUG is False
