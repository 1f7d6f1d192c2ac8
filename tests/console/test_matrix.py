"""Every address × every role: the table `access.txt` is what was decided, and the product does exactly that.

Each line is a method and a route, and who is let in; an address that is not in the table fails. After a change that is
meant: `CDP_WRITE_ACCESS_TABLE=1 pytest tests/console/test_matrix.py`, and read the difference.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import AnonymousUser, Group
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import ResolverMatch, URLPattern, URLResolver, get_resolver, resolve

from cdp.console import site
from cdp.core import secondfactor
from cdp.core.models import AuditEntry, User
from cdp.core.roles import ROLES, SIGNS_IN, scopes_of
from tests.api.people import Caller

pytestmark = pytest.mark.django_db
TABLE = Path(__file__).parent / "access.txt"
NOBODY = "nobody"
SOMETHING = str(UUID(int=7))
# Addresses that ask for no account: each checks a write key, a one-time code or a token itself, or shows nothing of anybody.
PUBLIC = re.compile(
    r"healthz|readyz|metrics|i18n/|v1/|beacon|sourceConfig|rsaMetrics|api/schema|person|privacy|api/v1/access-packages|api/$"
)
# Pages that show themselves, whatever is sent to them: what changes anything has an address of its own.
SHOWN_AGAIN = {
    f"{table}/<path:object_id>/change/"
    for table in ("consent/privacyrequest", "identity/linkagemodel", "ingestion/upload")
}
# Ways into and out of the console, which lead on to the login page.
DOORS = {"login/", "logout/", "second-factor/", "<path:object_id>/", "r/<path:content_type_id>/<path:object_id>/"}
PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")


@dataclass(frozen=True)
class Address:
    """An address of the resolver."""

    route: str
    view: Any
    console: bool

    def path(self) -> str:
        """The route with something in each place of it: a row of the table whose page it is."""
        return "/" + PARAMETER.sub(lambda found: self._value(found[2]), self.route)

    def _value(self, name: str) -> str:
        model = self.model()
        row = model.objects.first() if model and name in ("object_id", "pk", "id") else None
        return str(quote(row.pk)) if row else {"key": "vip", "number": "1", "step": "submit"}.get(name, SOMETHING)

    def model(self) -> Any:
        parts = self.route.split("/")
        try:
            return apps.get_model(parts[0], parts[1]) if self.console else None
        except (LookupError, IndexError):
            return None


def addresses(resolver: Any = None, before: str = "", console: bool = False) -> Iterator[Address]:
    for one in (resolver or get_resolver()).url_patterns:
        route = before + re.sub(r"^\^|\$$", "", str(one.pattern))
        if isinstance(one, URLResolver):
            yield from addresses(one, route, console or one.namespace == "admin")
        elif isinstance(one, URLPattern) and "(?P<" not in route:
            yield Address(route, one.callback, console)


# --- the console ------------------------------------------------------------------------------------------------------


def accounts() -> dict[str, Any]:
    made: dict[str, Any] = {NOBODY: AnonymousUser()}
    for role in ROLES:
        made[role] = User.objects.create_user(role, is_staff=role in SIGNS_IN)
        made[role].groups.add(Group.objects.get(name=role))
    return made


def let_in(match: ResolverMatch, method: str, path: str, user: Any) -> bool:
    """Whether the page is opened to somebody; whatever it does is undone."""
    request = _request(method, path, user, match)
    try:
        with transaction.atomic():
            answer = match.func(request, *match.args, **match.kwargs)
            transaction.set_rollback(True)
    except PermissionDenied:
        return False
    except Exception:  # it was let in, and could make nothing of an empty form
        return True
    if answer.status_code == 405:
        raise NotImplementedError
    return answer.status_code != 403 and "/login/" not in answer.headers.get("Location", "")


def _request(method: str, path: str, user: Any, match: ResolverMatch) -> HttpRequest:
    request = RequestFactory().generic(method, path)
    request.user, request.resolver_match, request.session = user, match, {}  # type: ignore[assignment]
    request._messages, request._dont_enforce_csrf_checks = CookieStorage(request), True  # type: ignore[attr-defined]
    return request


def methods(address: Address) -> tuple[str, ...]:
    """What is asked of an address: of the pages that every table has, by what permission is asked there."""
    last = address.route.rstrip("/").rpartition("/")[2]
    if address.model() and address.route.count("/") == 2:
        return ("GET",)
    return {"add": ("POST",), "delete": ("POST",), "history": ("GET",)}.get(last, ("GET", "POST"))


def console_lines() -> Iterator[str]:
    people = accounts()
    for address in addresses():
        if address.console and address.route not in DOORS and not address.route.endswith("<path:object_id>/"):
            path = address.path()
            match = resolve(path)
            for method in methods(address):
                try:
                    who = [name for name, user in people.items() if let_in(match, method, path, user)]
                except NotImplementedError:
                    continue
                yield line(method, address.route, who)


# --- REST -------------------------------------------------------------------------------------------------------------


def rest_lines() -> Iterator[str]:
    callers = {role: Caller(*scopes_of(role)) for role in ROLES}
    for address in addresses():
        for method in getattr(getattr(address.view, "view_class", None), "scopes", {}):
            who = [role for role, caller in callers.items() if answers(caller, method, address.path())]
            yield line(method, address.route, who)


def answers(caller: Caller, method: str, path: str) -> bool:
    with transaction.atomic():
        answer = caller.client.generic(method, path, "{}", "application/json")
        transaction.set_rollback(True)
    return answer.status_code not in (401, 403) or answer.json()["code"] not in ("scope_missing", "not_authenticated")


def line(method: str, route: str, who: list[str]) -> str:
    return f"{method} {route}: {', '.join(who)}"


# --- the table --------------------------------------------------------------------------------------------------------


def test_every_address_lets_in_exactly_whom_the_table_names(
    world: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "note_refused", lambda _request: None)
    monkeypatch.setattr(secondfactor, "satisfied", lambda _user: True)
    found = sorted({*console_lines(), *rest_lines()})
    if os.environ.get("CDP_WRITE_ACCESS_TABLE"):
        TABLE.write_text("\n".join(found) + "\n", encoding="utf-8")
    decided = TABLE.read_text(encoding="utf-8").splitlines()
    assert [one for one in found if one not in decided] == [], "not as decided, or not decided yet"
    assert [one for one in decided if one not in found] == [], "decided, and there is no such address"


def test_every_address_is_in_the_table_or_public() -> None:
    told = {one.split(" ", 1)[1].rsplit(":", 1)[0] for one in TABLE.read_text(encoding="utf-8").splitlines()}
    loose = {address.route for address in addresses() if not PUBLIC.match(address.route)} - told - DOORS
    assert {route for route in loose if not route.endswith("<path:object_id>/")} == set()


def test_nobody_without_an_account_is_let_in_anywhere() -> None:
    assert not re.search(rf"[:,] {NOBODY}\b", TABLE.read_text(encoding="utf-8"))
    assert "service" not in {
        who for one in TABLE.read_text().splitlines() if " api/" not in one for who in one.rsplit(":")[-1].split(", ")
    }


def test_an_auditor_changes_nothing_over_rest_or_in_the_console() -> None:
    writes = [one for one in TABLE.read_text(encoding="utf-8").splitlines() if one.startswith(("POST", "PATCH"))]
    named = {one.split(" ", 1)[1].rsplit(":", 1)[0] for one in writes if "auditor" in one.rsplit(":", 1)[1]}
    changing = {route for route in named if re.search(r"/(add|change|delete|decide|steward|publish|ask|step)/$", route)}
    assert changing == SHOWN_AGAIN


def test_the_pages_of_tables_follow_the_permissions_of_the_roles(world: dict[str, Any]) -> None:
    told = TABLE.read_text(encoding="utf-8").splitlines()
    people = accounts()
    for model in admin.site._registry:
        label, name = model._meta.app_label, model._meta.model_name
        listed = next((one for one in told if one.startswith(f"GET {label}/{name}/: ")), None)
        if listed and label != "axes":
            views = [f"{label}.view_{name}", f"{label}.change_{name}"]
            may = {role for role, user in people.items() if any(user.has_perm(one) for one in views)} - {"service"}
            assert set(filter(None, listed.partition(": ")[2].split(", "))) == may, model


def test_a_refusal_is_written_down_and_has_no_effect(world: dict[str, Any]) -> None:
    client = Client()
    user = User.objects.create_user("somebody", is_staff=True)
    client.force_login(user)
    assert client.get("/core/user/").status_code == 403
    row = AuditEntry.objects.get(action="console.refused")
    assert (row.actor, row.target) == (f"user:{user.pk}", "GET core/user/")


def test_a_session_opens_nothing_over_rest_and_a_key_nothing_in_the_console(world: dict[str, Any], root: User) -> None:
    client = Client()
    client.force_login(root)
    assert client.get("/api/v1/segments").status_code == 401
    key = Caller(*scopes_of("privacy officer")).client
    for path in ("/", "/core/auditentry/", "/incident/", "/identity/profile/"):
        assert key.get(path).status_code == 302
