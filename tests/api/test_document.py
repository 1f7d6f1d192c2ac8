"""The OpenAPI document is committed, complete, and what the API really does."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from django.conf import settings as django_settings
from django.core.wsgi import get_wsgi_application
from django.test import Client
from drf_spectacular.renderers import OpenApiYamlRenderer
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from cdp.api.openapi import document
from cdp.core.actions import SCOPES
from cdp.core.types import Actor
from consent.models import ConsentRecord
from consent.requests import receive
from identity.models import ReviewCase
from tests.api.people import Caller, canary, everything, filled, merged, record_of

PATH = Path(django_settings.BASE_DIR) / "docs" / "openapi.yaml"
COMMITTED = yaml.safe_load(PATH.read_text(encoding="utf-8"))
OPERATIONS = [
    (f"{method} {path}", operation)
    for path, methods in COMMITTED["paths"].items()
    for method, operation in methods.items()
]


def test_the_committed_document_is_the_present_one() -> None:
    present = OpenApiYamlRenderer().render(document()).decode()
    command = "uv run manage.py spectacular --file docs/openapi.yaml"
    assert present == PATH.read_text(encoding="utf-8"), f"The API changed: regenerate its document with `{command}`."


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_every_operation_is_described(name: str, operation: dict[str, Any]) -> None:
    assert operation["operationId"] and operation["summary"] and operation["description"]
    (scheme,) = operation["security"]
    assert len(scheme["serviceKey"]) == 1
    for status, answer in operation["responses"].items():
        content = answer.get("content", {})
        if status >= "400":
            assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
        else:
            assert content or status in ("204", "304")


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)


@pytest.mark.django_db
def test_the_document_is_served_as_yaml_and_json() -> None:
    served = Client().get("/api/schema")
    assert yaml.safe_load(served.content)["openapi"].startswith("3.1")
    as_json = Client().get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert as_json.json()["info"] == COMMITTED["info"]


# Which purposes, cursors and values there are is no matter of shape: wrong ones are refused with a 400.
EXCLUDED = [positive_data_acceptance]
SCHEMA = schemathesis.openapi.from_dict(COMMITTED)
SCHEMA.app = get_wsgi_application()


@pytest.fixture
def world(db: None) -> dict[str, str]:
    """Something behind every kind of address, and a key that may ask it."""
    profile, (_made, others) = canary(), filled(3)
    pair = sorted(record_of(one) for one in (profile, others[0]))
    case = ReviewCase.objects.create(left=pair[0], right=pair[1], reason="gray zone", weight=0.5)
    secret = everything(purpose="marketing", contact_channel="email").secret
    request = receive(Actor("user:clerk"), "access", profile, via="console").pk
    line = ConsentRecord.objects.values_list("pk", flat=True).first()
    named = {"profile": str(merged(profile)), "case": str(case.pk), "privacy_request": str(request)}
    return {**named, "line": str(line), "key": "vip", "secret": secret}


@SCHEMA.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
def test_the_api_does_what_its_document_says(case: Any, world: dict[str, str], one_connection: None) -> None:
    case.path_parameters = {name: world.get(name, value) for name, value in (case.path_parameters or {}).items()}
    case.call_and_validate(headers={"Authorization": f"Bearer {world['secret']}"}, excluded_checks=EXCLUDED)


@SCHEMA.parametrize()
@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
def test_a_key_of_each_scope_is_answered_as_the_document_says(
    case: Any, world: dict[str, str], one_connection: None
) -> None:
    """A key of the scope alone, and one of another: no fault of ours, no answer that the document does not know."""
    case.path_parameters = {name: world.get(name, value) for name, value in (case.path_parameters or {}).items()}
    needed = case.operation.definition.raw["security"][0]["serviceKey"][0]
    other = SCOPES[SCOPES.index(needed) - 1]
    for scope in (needed, other):
        secret = Caller(scope, purpose="marketing", contact_channel="email").secret
        answer = case.call_and_validate(headers={"Authorization": f"Bearer {secret}"}, excluded_checks=EXCLUDED)
        assert scope == needed or answer.status_code in (400, 403, 404, 405, 413, 415)
