"""Addresses of computed traits: their definitions. Their values stand among the traits of each profile."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.endpoint import Endpoint
from cdp.api.errors import Problem, forbidden, rule_refused
from cdp.api.forms import CursorField, Form, choices_of, limit_field, read_body, read_query
from cdp.api.segments import EmptyBody
from cdp.api.trait_shapes import ComputedTraitShape, ComputedTraitsPageShape
from cdp.core import counts
from cdp.events.types import DataClass
from segments import traits
from segments.models import ComputedTrait
from segments.query.problems import RuleError

FIELDS = (
    "id", "key", "kind", "event", "value_type", "condition", "data_class", "zone", "refresh_minutes", "state", "due_at",
    "computed_at", "error",
)  # fmt: skip


@extend_schema_field({"type": "object", "description": "where, within, between, at, currency, as in rules."})
class ConditionField(serializers.JSONField):
    """Which events count."""


class TraitBody(Form):
    key = serializers.SlugField(max_length=60, help_text="Rules name the trait `computed.` and this key.")
    label_en = serializers.CharField(max_length=100, help_text="Its name in English.")
    label_ko = serializers.CharField(max_length=100, help_text="Its name in Korean.")
    kind = choices_of(tuple(ComputedTrait.Kind.values))
    event = serializers.CharField(max_length=200)
    property = serializers.CharField(
        required=False, source="path", allow_blank=True, max_length=200,
        help_text="Such as `products[].category`; none for a number of events and for RFM.",
    )  # fmt: skip
    value_type = choices_of(
        tuple(ComputedTrait.ValueType.values), required=False, help_text="Values of other types do not count."
    )
    condition = ConditionField(required=False)
    data_class = choices_of(tuple(DataClass.values), required=False)
    zone = serializers.CharField(required=False, max_length=50, help_text="An IANA time zone.")
    refresh_minutes = serializers.IntegerField(required=False, min_value=1, max_value=525_600)


class TraitsQuery(Form):
    cursor = CursorField()
    limit = limit_field()


@contextmanager
def at_their_places() -> Iterator[None]:
    """Problems of a definition point into the body."""
    try:
        yield
    except RuleError as error:
        raise rule_refused(error, "") from error


class TraitEndpoint(Endpoint):
    """An address of computed traits. Every purpose may read them, so a key bound to one, or to a group, writes none."""

    def find(self, key: str) -> ComputedTrait:
        """The computed trait of a key; raises a 404."""
        found = ComputedTrait.objects.filter(key=key).first()
        if found is None:
            raise Problem(404, "not_found", _("There is no such computed trait."))
        return found

    def require_unbound(self) -> None:
        """Raise a 403 for a key that may not write."""
        if self.key.purpose or self.key.group_id:
            raise forbidden("purpose_bound", _("Computed traits serve every purpose: use a service key bound to none."))

    def shown(self, trait: ComputedTrait) -> dict[str, Any]:
        """A computed trait as it is answered to this key."""
        seen = bool({"profiles:read", "members:read"} & set(self.key.scopes))
        return {name: getattr(trait, name) for name in FIELDS} | {
            "names": traits.names(trait), "labels": {"en": trait.label_en, "ko": trait.label_ko}, "property": trait.path,
            "computed_seconds": trait.took and round(trait.took.total_seconds(), 3),
            "profiles": counts.told(trait.profiles, seen),
        }  # fmt: skip


class TraitsView(TraitEndpoint):
    scopes: ClassVar = {"GET": "segments:read", "POST": "segments:write"}

    @extend_schema(
        operation_id="listTraits", summary="Computed traits", parameters=[TraitsQuery],
        responses={200: ComputedTraitsPageShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """In order of their keys, drafts and archived ones as well."""
        asked = read_query(TraitsQuery, request)
        found = list(ComputedTrait.objects.filter(key__gt=asked["cursor"]).order_by("key")[: asked["limit"] + 1])
        rows = found[: asked["limit"]]
        return self.page([self.shown(row) for row in rows], len(found) > len(rows), rows[-1].key if rows else "")

    @extend_schema(
        operation_id="createTrait", summary="A new computed trait", request=TraitBody,
        responses={201: ComputedTraitShape},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """A draft: rules may name it once it is published."""
        self.require_unbound()
        with at_their_places():
            made = traits.create(self.actor, **read_body(TraitBody, request))
        return Response(self.shown(made), status=201, headers={"Location": f"/api/v1/traits/{made.key}"})


class TraitView(TraitEndpoint):
    http_method_names = ["get", "patch"]
    scopes: ClassVar = {"GET": "segments:read", "PATCH": "segments:write"}

    @extend_schema(operation_id="getTrait", summary="A computed trait", responses={200: ComputedTraitShape})
    def get(self, request: Request, key: str) -> Response:
        """Its values are among the traits of each profile."""
        return Response(self.shown(self.find(key)))

    @extend_schema(
        operation_id="changeTrait", summary="Change a computed trait", request=TraitBody,
        responses={200: ComputedTraitShape},
    )  # fmt: skip
    def patch(self, request: Request, key: str) -> Response:
        """Only what is named changes. What is published is computed anew at once; its key and kind stay."""
        self.require_unbound()
        found = self.find(key)
        with at_their_places():
            changed = traits.change(self.actor, found, **read_body(TraitBody, request, partial=True))
        return Response(self.shown(changed))


class PublishTraitView(TraitEndpoint):
    scopes: ClassVar = {"POST": "segments:write"}

    @extend_schema(
        operation_id="publishTrait", summary="Publish a computed trait", request=None,
        responses={200: ComputedTraitShape},
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        """From now on rules may name it, and it is computed, at once and then as often as it says."""
        self.require_unbound()
        found = self.find(key)
        read_body(EmptyBody, request)
        with at_their_places():
            return Response(self.shown(traits.publish(self.actor, found)))


class ArchiveTraitView(TraitEndpoint):
    scopes: ClassVar = {"POST": "segments:write"}

    @extend_schema(
        operation_id="archiveTrait", summary="Archive a computed trait", request=None,
        responses={200: ComputedTraitShape},
    )  # fmt: skip
    def post(self, request: Request, key: str) -> Response:
        """It is computed no longer and its values go. Not while the rule of a segment reads it."""
        self.require_unbound()
        found = self.find(key)
        read_body(EmptyBody, request)
        return Response(self.shown(traits.archive(self.actor, found)))
