"""Addresses of consent: forms and their answers, receipts, whether a person may be contacted, what is owed or in conflict."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import consent_shapes as shapes
from cdp.api.endpoint import Endpoint
from cdp.api.errors import bad_request
from cdp.api.forms import Form, IdCursorField, IdField, MomentField, choices_of, limit_field, read_body, read_query
from cdp.core.types import now
from cdp.events import queries as events
from cdp.ingestion import who
from consent import forms, queries, receipts, results, signals
from consent.forms import Answers
from consent.models import ConsentRecord
from identity import queries as identity

MOST_PURPOSES, MOST_CHARACTERS = 50, 500
LANGUAGES = ("ko", "en")
KINDS = ("user", "customer")


class NothingQuery(Form):
    pass


class AudienceQuery(Form):
    purpose = serializers.CharField(default="", allow_blank=True, max_length=50, help_text="What for.")
    channel = serializers.CharField(default="", allow_blank=True, max_length=20, help_text="A contact channel.")
    brand = serializers.CharField(default="", allow_blank=True, max_length=40, help_text="All brands where omitted.")
    at = MomentField(default=None, allow_null=True, help_text="When the message would leave; now where omitted.")


class PageQuery(Form):
    cursor = IdCursorField()
    limit = limit_field()


class LimitQuery(Form):
    limit = limit_field()


class FormQuery(Form):
    purposes = serializers.RegexField(
        r"[-\w]{1,50}(,[-\w]{1,50})*", max_length=1_000, help_text="Keys of purposes, joined by commas."
    )
    language = choices_of(LANGUAGES, default="ko")


class DueQuery(Form):
    within = serializers.IntegerField(
        min_value=0, max_value=366, default=14, help_text="Days; what is late is told too."
    )
    limit = limit_field()


class AnswersBody(Form):
    key = IdField(help_text="Made by the client: the same key is written once, however often it is sent.")
    record = IdField(required=False, help_text="Whose answers; or `source` and `external_id`.")
    source = serializers.CharField(  # type: ignore[assignment]
        required=False, max_length=60, help_text="The name of a source."
    )
    external_id = serializers.CharField(
        required=False, max_length=MOST_CHARACTERS, help_text="How it calls the person."
    )
    kind = choices_of(KINDS, default="user", help_text="`user` of SDKs, `customer` of files.")
    answers = serializers.DictField(
        child=choices_of(tuple(ConsentRecord.State.values)), allow_empty=False,
        help_text="State by purpose. Whoever agrees to all at once is one answer for each purpose.",
    )  # fmt: skip
    channels = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=20), min_length=1, max_length=20), default=dict,
        help_text="Contact channels by purpose; all where omitted.",
    )  # fmt: skip
    versions = serializers.DictField(
        child=serializers.CharField(max_length=20), default=dict,
        help_text="The version of the notice that was shown, by purpose; that in force where omitted.",
    )  # fmt: skip
    language = choices_of(LANGUAGES, default="ko")
    given_at = MomentField(default=None, allow_null=True, help_text="Now where omitted.")
    expires_at = MomentField(default=None, allow_null=True)
    method = serializers.SlugField(default="form", max_length=30, help_text="How it was given.")
    brand = serializers.SlugField(default="", allow_blank=True, max_length=40)
    recipient = serializers.CharField(default="", allow_blank=True, max_length=100, help_text="Who else gets the data.")
    country = serializers.RegexField(r"[A-Z]{2}", default="", allow_blank=True, help_text="Where to.")
    proof = shapes.ProofField(required=False, help_text="What proves it; is sealed.")
    guardian = serializers.SlugField(
        default="", allow_blank=True, max_length=30, help_text="How a guardian's consent was confirmed; needs `proof`."
    )


class SettlementBody(Form):
    granted = serializers.BooleanField(help_text="Whether the consent counts from now on; else the opt-out stays.")


class SentBody(Form):
    results = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**62), min_length=1, max_length=1_000
    )
    channel = serializers.SlugField(max_length=20, help_text="The contact channel by which word was sent.")


class ContactableView(Endpoint):
    scopes: ClassVar = {"GET": "profiles:read"}

    @extend_schema(
        operation_id="mayContactProfile", summary="Whether a person may be contacted, and every reason why not",
        parameters=[AudienceQuery], responses={200: shapes.DecisionShape},
    )  # fmt: skip
    def get(self, request: Request, profile: UUID) -> Response:
        """Asked of the ledger itself at this moment, as members and exports are; the night and a usable address too."""
        asked = read_query(AudienceQuery, request)
        purpose, channel = self.audience(asked)
        found = identity.find_profile(profile)
        at = asked["at"] or now()
        told = queries.may_contact(found.id, purpose, channel, at, asked["brand"])
        return Response({"profile": found.id, "allowed": told.allowed, "reasons": list(told.reasons), "at": at})


class ReceiptsView(Endpoint):
    scopes: ClassVar = {"GET": "profiles:read"}

    @extend_schema(
        operation_id="listProfileReceipts", summary="The consent receipts of a person", parameters=[PageQuery],
        responses={200: shapes.ReceiptsPageShape},
    )  # fmt: skip
    def get(self, request: Request, profile: UUID) -> Response:
        """One for each line of the ledger that the person's records gave, in the shape of ISO/IEC TS 27560. To a key that is
        bound to a purpose or a contact channel those of it alone."""
        asked = read_query(PageQuery, request)
        found = identity.find_profile(profile)
        rows, more = receipts.of_profile(found.id, asked["cursor"] or None, asked["limit"], *self.bound)
        return self.page(rows, more, rows[-1]["receipt_id"] if rows else "")


class ReceiptView(Endpoint):
    scopes: ClassVar = {"GET": "profiles:read"}

    @extend_schema(
        operation_id="getReceipt", summary="A consent receipt", responses={200: shapes.ReceiptShape},
    )  # fmt: skip
    def get(self, request: Request, line: UUID) -> Response:
        """In the shape of ISO/IEC TS 27560, with what became of the consent since; no personal value."""
        read_query(NothingQuery, request)
        return Response(receipts.receipt(line, *self.bound))


class FormView(Endpoint):
    scopes: ClassVar = {"GET": "consents:write"}
    refuses = True

    @extend_schema(
        operation_id="getConsentForm", summary="What to ask a person, in the texts in force", parameters=[FormQuery],
        responses={200: shapes.FormShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Required and optional apart; nothing is ticked."""
        asked = read_query(FormQuery, request)
        purposes = asked["purposes"].split(",")[:MOST_PURPOSES]
        for purpose in purposes:
            self.purpose(purpose)
        return Response(asdict(forms.form(purposes, asked["language"])))


class AnswersView(Endpoint):
    scopes: ClassVar = {"POST": "consents:write"}
    refuses = True

    @extend_schema(
        operation_id="answerConsents", summary="Give, refuse or withdraw consents", request=AnswersBody,
        responses={200: shapes.AnsweredShape},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """One record for each purpose and contact channel, effective at once. Withdrawing needs no text, no reason and the
        same call. `may_serve` is false only where a required purpose was refused."""
        asked = read_body(AnswersBody, request)
        source = self._source(asked)
        told = forms.answer(
            Answers(
                key=asked["key"], record=_record(asked, source), states=asked["answers"], language=asked["language"],
                given_at=asked["given_at"] or now(), method=asked["method"], recorded_by=self.actor.name,
                versions=asked["versions"], channels=self._channels(asked), brand=asked["brand"], source=source,
                recipient=asked["recipient"], country=asked["country"], expires_at=asked["expires_at"],
                proof=asked.get("proof"), guardian=asked["guardian"],
            )
        )  # fmt: skip
        return Response(asdict(told))

    def _source(self, asked: Mapping[str, Any]) -> UUID | None:
        if "source" not in asked:
            return None
        found = events.source_by_name(asked["source"])
        if found is None:
            detail = _("There is no such source.")
            raise bad_request(
                "source_unknown", detail, {"pointer": "/source", "code": "source_unknown", "detail": detail}
            )
        return found.id

    def _channels(self, asked: Mapping[str, Any]) -> dict[str, list[str]]:
        """Those asked for; a key that is bound to a purpose or contact channel writes of it alone."""
        named = {self.purpose(purpose): asked["channels"].get(purpose, []) for purpose in asked["answers"]}
        bound = self.key.contact_channel
        told = {purpose: [self.channel(one) for one in (listed or [bound]) if one] for purpose, listed in named.items()}
        strangers = {purpose: listed for purpose, listed in asked["channels"].items() if purpose not in named}
        return {purpose: listed for purpose, listed in (told | strangers).items() if listed}


def _record(asked: Mapping[str, Any], source: UUID | None) -> UUID:
    """The record that answers are about; raises a 400 unless exactly one is named."""
    external = who.usable(asked.get("external_id"))
    if "record" in asked and source is None and "external_id" not in asked:
        return UUID(str(asked["record"]))
    if "record" in asked or source is None or external is None:
        raise bad_request("one_record", _("Name a record, or a source and how it calls the person."))
    return who.record_id(source, asked["kind"], external)


class ConflictsView(Endpoint):
    scopes: ClassVar = {"GET": "consents:write"}

    @extend_schema(
        operation_id="listConsentConflicts", summary="Consents that an opt-out signal stands against",
        parameters=[LimitQuery], responses={200: shapes.ConflictsShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Given after a browser's Global Privacy Control signal about the same: they do not count until settled."""
        asked = read_query(LimitQuery, request)
        rows = [asdict(row) for row in signals.conflicts(asked["limit"]) if self._mine(row.purpose)]
        return Response({"results": rows})

    def _mine(self, purpose: str) -> bool:
        return self.key.purpose in ("", purpose)


class SettleView(Endpoint):
    scopes: ClassVar = {"POST": "consents:write"}
    refuses = True

    @extend_schema(
        operation_id="settleConsentConflict", summary="Settle a conflict", request=SettlementBody,
        responses={200: shapes.SettledShape},
    )  # fmt: skip
    def post(self, request: Request, line: UUID) -> Response:
        """After the person was told and asked: a record of its own says what counts from now on."""
        asked = read_body(SettlementBody, request)
        self.purpose(signals.conflict(line).purpose)
        signals.settle(self.actor, line, granted=asked["granted"])
        return Response({"line": line, "granted": asked["granted"]})


class OwedView(Endpoint):
    scopes: ClassVar = {"GET": "consents:write"}

    @extend_schema(
        operation_id="listOwedResults", summary="Whom to tell what became of their consent", parameters=[DueQuery],
        responses={200: shapes.OwedResultsShape},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """What is due first comes first. Say that it was sent by `POST /v1/consents/results/sent`."""
        asked = read_query(DueQuery, request)
        rows = results.owed(now(), asked["within"], asked["limit"])
        return Response({"results": [asdict(row) for row in rows if self.key.purpose in ("", row.purpose)]})


class SentView(Endpoint):
    scopes: ClassVar = {"POST": "consents:write"}

    @extend_schema(
        operation_id="noteResultsSent", summary="Write down that word was sent", request=SentBody,
        responses={200: shapes.SentShape},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Answers how many of them were waiting."""
        asked = read_body(SentBody, request)
        return Response({"sent": results.note_sent(self.actor, asked["results"], asked["channel"])})
