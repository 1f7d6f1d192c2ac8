"""Addresses of uploaded lists: who is on one is said by ids or contact values, and never told again."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import segment_shapes as shapes
from cdp.api.endpoint import Endpoint
from cdp.api.errors import Problem, bad_request
from cdp.api.forms import CursorField, Form, IdField, limit_field, read_body, read_query
from segments import lists
from segments.lists import Added
from segments.models import UploadedList

MOST = 20_000


class ListBody(Form):
    key = serializers.SlugField(max_length=60, help_text="How rules and addresses name it.")
    name = serializers.CharField(max_length=100)
    purpose = serializers.SlugField(required=False, max_length=50, help_text="May be omitted with a key bound to one.")
    came_from = serializers.CharField(max_length=200, help_text="Who gave it to us, and on which ground.")
    expires_at = serializers.DateTimeField(help_text="Until when it is kept, at most three years.")


def values_field(help_text: str, child: Any = None) -> serializers.ListField:
    """Some values of an upload."""
    child = child or serializers.CharField(max_length=200)
    return serializers.ListField(child=child, required=False, max_length=MOST, help_text=help_text)


class ListEntriesBody(Form):
    emails = values_field("In any spelling; kept as keyed digests only.")
    phones = values_field("In any spelling, national or with a country code; kept as keyed digests only.")
    profiles = values_field("Ids of profiles, also of merged ones.", IdField())
    external_ids = values_field("Ids in a source of ours, which `source` names.")
    source = serializers.CharField(  # type: ignore[assignment]  # a field of the body
        default="", allow_blank=True, max_length=100, help_text="The name of the source."
    )
    kind = serializers.SlugField(
        default="customer", max_length=12, help_text="The kind of its records: customer of files, user of SDKs."
    )


class ListsQuery(Form):
    cursor = CursorField()
    limit = limit_field()


class ListEndpoint(Endpoint):
    """An address of lists; a key bound to a purpose sees those of its purpose."""

    def visible(self) -> Any:
        rows = UploadedList.objects.order_by("key")
        return rows.filter(purpose=self.key.purpose) if self.key.purpose else rows

    def find(self, key: str) -> UploadedList:
        """The list of a key; raises a 404."""
        found: UploadedList | None = self.visible().filter(key=key).first()
        if found is None:
            raise Problem(404, "not_found", _("There is no such list."))
        return found


def shown(rows: Sequence[UploadedList]) -> list[dict[str, Any]]:
    """Lists as they are answered."""
    sizes, names = lists.sizes(rows), ("id", "key", "name", "came_from", "expires_at", "made_at")
    return [
        {name: getattr(row, name) for name in names} | {"purpose": row.purpose_id, "entries": sizes.get(row.pk, 0)}
        for row in rows
    ]


class ListsView(ListEndpoint):
    scopes: ClassVar = {"GET": "segments:read", "POST": "segments:write"}

    @extend_schema(
        operation_id="listLists", summary="Uploaded lists", parameters=[ListsQuery],
        responses={200: shapes.ListsPageShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """In order of their keys. Who is on them is not told."""
        asked = read_query(ListsQuery, request)
        found = list(self.visible().filter(key__gt=asked["cursor"])[: asked["limit"] + 1])
        rows = found[: asked["limit"]]
        return self.page(shown(rows), len(found) > len(rows), rows[-1].key if rows else "")

    @extend_schema(
        operation_id="createList", summary="A new list, empty", request=ListBody, responses={201: shapes.ListShape}
    )
    def post(self, request: Request) -> Response:
        """Rules of its purpose name it as `{"list": key}`. Whoever is on it is forgotten at `expires_at`."""
        fields = read_body(ListBody, request)
        fields["purpose"] = self.purpose(fields.get("purpose", ""))
        if not fields["purpose"]:
            mistake = {"pointer": "/purpose", "code": "required", "detail": _("A list serves a purpose: name it.")}
            raise bad_request("invalid", mistake["detail"], mistake)
        made = lists.create(self.actor, **fields)
        made.refresh_from_db()
        return Response(shown([made])[0], status=201, headers={"Location": f"/api/v1/lists/{made.key}"})


class ListView(ListEndpoint):
    http_method_names = ["get", "delete"]
    scopes: ClassVar = {"GET": "segments:read", "DELETE": "segments:write"}

    @extend_schema(operation_id="getList", summary="An uploaded list", responses={200: shapes.ListShape})
    def get(self, request: Request, key: str) -> Response:
        """Who is on it is not told."""
        return Response(shown([self.find(key)])[0])

    @extend_schema(operation_id="removeList", summary="Forget a list", request=None, responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        """And everybody on it. Not while the rule of a segment names it."""
        lists.remove(self.actor, self.find(key))
        return Response(status=204)


class ListEntriesView(ListEndpoint):
    scopes: ClassVar = {"POST": "segments:write"}

    @extend_schema(
        operation_id="addToList", summary="Put people on a list", request=ListEntriesBody,
        responses={200: shapes.AddedShape},
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        """All that is named, or nothing where it is refused. Harmless to repeat. Contact values are digested in memory and
        forgotten; whoever must not come back is not put on it. Segments that name the list follow at once."""
        listed = self.find(key)
        asked = read_body(ListEntriesBody, request)
        added = self._add(listed, asked)
        names = ("listed", "unreadable", "suppressed")
        return Response({name: sum(getattr(part, name) for part in added) for name in names})

    @transaction.atomic
    def _add(self, listed: UploadedList, asked: dict[str, Any]) -> list[Added]:
        added = [
            lists.add_contacts(self.actor, listed, kind, asked[f"{kind}s"])
            for kind in lists.CONTACTS
            if asked.get(f"{kind}s")
        ]
        if asked.get("profiles"):
            added.append(lists.add_profiles(self.actor, listed, asked["profiles"]))
        if asked.get("external_ids"):
            about = asked["source"], asked["kind"], asked["external_ids"]
            added.append(lists.add_external_ids(self.actor, listed, *about))
        return added
