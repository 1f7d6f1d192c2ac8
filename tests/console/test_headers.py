"""Every page: a strict policy of what may run on it, the usual headers, and nothing written into it that would run."""

import re
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from cdp.core.models import User
from tests.console.test_pages import addresses, shown_models
from tests.core.test_startup import ROOT, deployment

__all__ = ["deployment"]
pytestmark = pytest.mark.django_db
PLAIN = ("/", "/incident/", "/second-factor/", "/password_change/", "/nothing/", "/api/v1/nothing", "/healthz")
# Scripts and styles in the page itself; data scripts do not run.
RUNS = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")|<style|\sstyle=|\son[a-z]+=\"|javascript:", re.IGNORECASE
)


@pytest.fixture
def client(world: dict[str, Any], root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def check_headers(answer: Any, address: str) -> None:
    given = answer.headers
    policy = given["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy, address
    assert "object-src 'none'" in policy and "unsafe" not in policy and "*" not in policy, address
    assert given["X-Content-Type-Options"] == "nosniff" and given["X-Frame-Options"] == "DENY", address
    assert given["Referrer-Policy"] == "same-origin" and given["Cross-Origin-Opener-Policy"] == "same-origin", address
    assert "camera=()" in given["Permissions-Policy"], address


def test_every_page_has_the_headers_and_nothing_that_would_run(client: Client) -> None:
    pages = [*PLAIN, *(next(addresses(model)) for model in shown_models())]
    pages += [address for model in shown_models() for address in list(addresses(model))[1:2]]
    for address in pages:
        answer = client.get(address)
        check_headers(answer, address)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            shown = answer.content.decode()
            assert not RUNS.findall(shown), (address, RUNS.search(shown))
            assert re.search("no-store|private", answer.headers.get("Cache-Control", "")), address


def test_errors_and_the_login_page_have_them_too(rows: None) -> None:
    for address in ("/login/", "/nothing/", "/v1/track", "/api/schema", "/beacon/v1/batch"):
        check_headers(Client().get(address), address)


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client: Client) -> None:
    assert settings.SESSION_COOKIE_HTTPONLY and settings.SESSION_COOKIE_SAMESITE == "Lax"
    assert settings.CSRF_COOKIE_SAMESITE == "Lax" and not settings.SESSION_COOKIE_DOMAIN


def test_a_form_of_another_site_is_refused(rows: None, root: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(root)
    assert client.post("/incident/", {}).status_code == 403


def test_django_finds_nothing_to_complain_of_in_a_deployment(deployment: dict[str, str]) -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env={name: value for name, value in deployment.items() if value}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout
