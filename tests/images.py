"""`uv run python -m tests.images`: the pictures of `docs/images`, taken of the console over what quickstart generates.

A browser looks at the product as its people do: each page by somebody of the role that works with it.
"""

import importlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flow.processes import ROOT, free_port, wait_for

FOLDER = ROOT / "docs/images"
PEOPLE = 1_000
WIDE, PHONE = 1280, 390


@dataclass(frozen=True)
class Shot:
    """A picture: who looks (nobody: the public page), at what, in which language and light; `at`: what is brought to the
    top of the window."""

    name: str
    role: str
    address: Callable[[], str]
    language: str = "en"
    scheme: str = "light"
    height: int = 900
    at: str = ""


def main() -> int:
    """Generate, serve, look; returns the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)  # the servers' own user passes through
        os.environ["CDP_HOME"] = str(Path(folder) / "cdp")
        with _served() as address:
            _django()
            for shot in SHOTS:
                print(_taken(shot, address))
    return 0


@contextmanager
def _served() -> Iterator[str]:
    """The product over generated customers; its address."""
    port, log = free_port(), Path(os.environ["CDP_HOME"]).with_name("quickstart.log")
    command = [sys.executable, "manage.py", "quickstart", "--people", str(PEOPLE), "--port", str(port)]
    with log.open("wb") as out:
        running = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=out, env=os.environ | {"PYTHONUNBUFFERED": "1"}
        )
    try:
        wait_for(lambda: "until Ctrl-C" in log.read_text() or running.poll() is not None, 600)
        if running.poll() is not None:
            raise RuntimeError(log.read_text()[-3_000:])
        yield f"http://127.0.0.1:{port}"
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)


def _django() -> None:
    """This process beside those of the product, over the same database."""
    os.environ |= {"DJANGO_SETTINGS_MODULE": "cdp.settings", "DJANGO_ALLOW_ASYNC_UNSAFE": "true"}
    importlib.import_module("cdp.core.startup").prepare()
    importlib.import_module("django").setup()
    importlib.import_module("cdp.celery")


def _taken(shot: Shot, address: str) -> Path:
    """The picture's file."""
    from tests.chromium import launched

    path, cookies = shot.address(), _cookies(shot, address)
    with launched() as browser:
        window = {"width": WIDE if shot.role else PHONE, "height": shot.height}
        context = browser.new_context(base_url=address, viewport=window, color_scheme=shot.scheme)
        context.add_cookies(cookies)
        page = context.new_page()
        page.goto(path, wait_until="networkidle")
        if shot.at:
            page.locator(shot.at).first.evaluate(
                "element => window.scrollTo(0, element.getBoundingClientRect().top - 16)"
            )
        file = FOLDER / f"{shot.name}.png"
        page.screenshot(path=file)
        browser.close()
    return file


def _cookies(shot: Shot, address: str) -> list[dict[str, Any]]:
    from django.conf import settings

    from cdp.core.models import User
    from tests.console.conftest import session_of

    cookies = {settings.LANGUAGE_COOKIE_NAME: shot.language}
    if shot.role:
        cookies[settings.SESSION_COOKIE_NAME] = session_of(User.objects.get(groups__name=shot.role))
    return [{"name": name, "value": value, "url": address} for name, value in cookies.items()]


# --- where to look ----------------------------------------------------------------------------------------------------


def _segment() -> str:
    from segments.models import Segment

    return f"/segments/segment/{Segment.objects.get(key='store-regulars-without-app').pk}/change/"


def _profile() -> str:
    """Somebody with records of many channels."""
    from django.db.models import Count

    from identity.models import Profile

    largest = Profile.objects.alias(sources=Count("records__source", distinct=True)).order_by("-sources", "pk")
    return f"/identity/profile/{largest.values_list('pk', flat=True)[0]}/change/"


def _case() -> str:
    from identity.models import ReviewCase

    first = ReviewCase.objects.filter(state="open").exclude(levels={}).order_by("-priority", "pk")
    return f"/identity/reviewcase/{first.values_list('pk', flat=True)[0]}/change/"


SHOTS = (
    Shot("home", "auditor", lambda: "/"),
    Shot("home-ko-dark", "auditor", lambda: "/", "ko", "dark"),
    Shot("segment-ko", "marketer", _segment, "ko", at="fieldset:has(.builder)"),
    Shot("profile", "steward", _profile),
    Shot("review-ko", "steward", _case, "ko", height=1300),
    Shot("requests", "privacy officer", lambda: "/consent/privacyrequest/"),
    Shot("person-ko", "", lambda: "/privacy/", "ko", height=760),
)

if __name__ == "__main__":
    sys.exit(main())
