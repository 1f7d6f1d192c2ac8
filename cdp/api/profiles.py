"""Addresses of profiles."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar
from uuid import UUID

from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp import answers
from cdp.api import actions, shapes
from cdp.api.endpoint import Endpoint
from cdp.api.errors import bad_request
from cdp.api.forms import Form, IdCursorField, limit_field, read_query, since_field
from cdp.core.actions import disclose
from consent import queries as consent
from identity import queries as identity

MOST_CHARACTERS = 500
KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,29}")
# Names of the body of a look-up that are no kinds of identifiers, and their longest texts.
LONGEST = {"brand": 40, "source": 60}
KNOWN = ("email", "phone", "user_id", "loyalty_id", "external_id")
_TEXT = {"type": "string", "maxLength": MOST_CHARACTERS}
LOOKUP_BODY = {
    "type": "object",
    "description": (
        "Exactly one identifier, as kind and value in any spelling: `email`, `phone`, `user_id`, `loyalty_id` or any "
        "other kind that sources send; or `external_id` with the name of its `source`. `brand` narrows kinds that are "
        "unique within a brand only (`user_id`, `loyalty_id`)."
    ),
    "properties": {
        **dict.fromkeys(KNOWN, _TEXT),
        **{name: {"type": "string", "maxLength": most} for name, most in LONGEST.items()},
    },
    "additionalProperties": _TEXT,
    "minProperties": 1,
    "maxProperties": 2,
    "examples": [{"phone": "010-0000-0000"}, {"external_id": "C-1001", "source": "pos"}],
}


class ProfileQuery(Form):
    personal = serializers.BooleanField(
        default=False, help_text="Personal values too; needs the scope profiles:personal."
    )
    purpose = serializers.CharField(
        default="", max_length=50, allow_blank=True, help_text="What personal values are read for; is written down."
    )


class RecordsQuery(Form):
    cursor = IdCursorField()
    limit = limit_field()


class ChangesQuery(Form):
    since = since_field()
    limit = limit_field()


class NothingQuery(Form):
    pass


class ProfileView(Endpoint):
    scopes: ClassVar = {"GET": "profiles:read"}

    @extend_schema(
        operation_id="getProfile", summary="A profile", parameters=[ProfileQuery],
        responses={200: shapes.ProfileShape, 304: None},
    )  # fmt: skip
    def get(self, request: Request, profile: UUID) -> HttpResponseBase:
        """A merged id is answered with the profile it was merged into, an erased one with 410. Has an ETag. To a key that
        is bound to a purpose or a contact channel `consents` tells those of it alone."""
        asked = read_query(ProfileQuery, request)
        purpose = purpose_of_reading(self, asked) if asked["personal"] else ""
        found = answers.profile_answer(profile, *self.bound)
        answer = asdict(found)
        if asked["personal"]:
            answer["personal"] = actions.read_personal(self.actor, found.id, purpose)
        return self.conditional(answer)


def purpose_of_reading(view: Endpoint, asked: Mapping[str, Any]) -> str:
    """What personal values are read for; raises a 403 without the scope, a 400 for no purpose of ours."""
    view.need("profiles:personal")
    purpose = view.purpose(asked["purpose"])
    if purpose not in consent.purposes():
        detail = _("Say what personal values are read for: add ?purpose=… with the key of a purpose.")
        raise bad_request("purpose_missing", detail, {"parameter": "purpose", "code": "required", "detail": detail})
    return purpose


class LookupView(Endpoint):
    scopes: ClassVar = {"POST": "profiles:lookup"}

    @extend_schema(
        operation_id="lookUpProfiles", summary="The profiles that an identifier leads to",
        request={"application/json": LOOKUP_BODY}, responses={200: shapes.FoundShape},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Any spelling of an e-mail or phone finds the same. A value that identifies nobody finds nobody."""
        read_query(NothingQuery, request)
        kind, value, about = read_lookup(request.data)
        if kind == "external_id":
            found = identity.profiles_of_external(about["source"], value)
        else:
            found = identity.profiles_with(kind, value, about.get("brand"))
        known = kind if kind in KNOWN else "other"
        most = identity.MOST_FOUND
        disclose(self.actor, "profile.looked_up", found[:most], purpose=self.key.purpose, kind=known, found=len(found))
        return Response(
            {"profiles": found[:most], "truncated": len(found) > most}, headers={"Cache-Control": "no-store"}
        )


def read_lookup(body: Any) -> tuple[str, str, dict[str, str]]:
    """(kind, value, what else was said) of a look-up; raises a 400 that repeats no value."""
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise bad_request("invalid", _("The body must be an object of texts."))
    if any(len(value) > LONGEST.get(name, MOST_CHARACTERS) for name, value in body.items()):
        raise bad_request("too_long", _("A text is too long."))
    about = {name: value for name, value in body.items() if name in LONGEST}
    kinds = [name for name in body if name not in LONGEST]
    if len(kinds) != 1 or not KIND.fullmatch(kinds[0]):
        raise bad_request("one_identifier", _('Name exactly one identifier, such as {"email": "…"}.'))
    if (kinds[0] == "external_id") != ("source" in about) or ("source" in about and "brand" in about):
        raise bad_request("source_and_external_id", _("An external_id needs its source, and only an external_id does."))
    return kinds[0], body[kinds[0]], about


class RecordsView(Endpoint):
    scopes: ClassVar = {"GET": "profiles:read"}

    @extend_schema(
        operation_id="listProfileRecords", summary="The records of a profile", parameters=[RecordsQuery],
        responses={200: shapes.RecordsPageShape},
    )  # fmt: skip
    def get(self, request: Request, profile: UUID) -> Response:
        """What each source knows, without personal values; in order of their ids."""
        asked = read_query(RecordsQuery, request)
        found = identity.find_profile(profile)
        rows, more = identity.records_page(found.id, asked["cursor"] or None, asked["limit"])
        return self.page([asdict(row) for row in rows], more, rows[-1].id if rows else "")


class HouseholdView(Endpoint):
    scopes: ClassVar = {"GET": "profiles:read"}

    @extend_schema(
        operation_id="getProfileHousehold", summary="Who may live with a person",
        responses={200: shapes.HouseholdShape},
    )  # fmt: skip
    def get(self, request: Request, profile: UUID) -> Response:
        """Profiles that share a contact or a home with this one, though names, birth dates, genders or a steward say that
        these are other people. A hint, no more; it follows the evidence."""
        read_query(NothingQuery, request)
        found = identity.find_profile(profile)
        household = identity.household_of(found.id)
        members = [asdict(member) for member in household.members]
        return Response({"profile": found.id, "household": household.id, "members": members})


class ConsentsView(Endpoint):
    scopes: ClassVar = {"GET": "profiles:read"}

    @extend_schema(
        operation_id="getProfileConsents", summary="The consents of a profile, now and in the ledger",
        responses={200: shapes.ProfileConsentsShape},
    )  # fmt: skip
    def get(self, request: Request, profile: UUID) -> Response:
        """The effective state is as fresh as the pipeline; members and exports ask the ledger itself. To a key that is
        bound to a purpose or a contact channel both tell those of it alone, with the lines that speak of every channel."""
        read_query(NothingQuery, request)
        return Response(asdict(answers.consents_answer(profile, *self.bound)))


class ProfileChangesView(Endpoint):
    scopes: ClassVar = {"GET": "profiles:read"}

    @extend_schema(
        operation_id="listProfileChanges", summary="What happened to the ids of profiles", parameters=[ChangesQuery],
        responses={200: shapes.ProfileChangesShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Created, merged, split, erased, numbered in commit order: nothing is ever told late with a lower number."""
        asked = read_query(ChangesQuery, request)
        found = identity.profile_changes(asked["since"], asked["limit"])
        rows = [asdict(row) for row in found.rows]
        return Response({"results": rows, "next_since": found.next_since, "has_more": found.has_more})
