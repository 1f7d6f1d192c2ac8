"""What may be sent: bodies and query parameters that refuse whatever they do not know."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from cdp.api.errors import Problem, bad_request, invalid
from cdp.core.types import UNSTORABLE

MOST_BYTES = 1_000_000
MOST_ROWS = 1_000
YEARS = range(1900, 2201)


class StrictJSONParser(BaseParser):
    """JSON in UTF-8: bounded, without NaN, without names given twice, without nesting that exhausts the stack."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        raw = stream.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise Problem(413, "too_large", _("The body is larger than %(limit)s bytes.") % {"limit": MOST_BYTES})
        try:
            return json.loads(raw.decode(), parse_constant=_refuse_constant, object_pairs_hook=_object)
        except (ValueError, RecursionError) as error:
            raise ParseError(_("The body is not JSON in UTF-8, or too deep, or names something twice.")) from error


def _refuse_constant(name: str) -> None:
    raise ValueError


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError
    return made


class Form(serializers.Serializer[Any]):
    """Knows exactly its fields: a misspelt or forbidden name is an error, never ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields or self.fields[name].read_only]
            if unknown:
                message = serializers.ErrorDetail(_("There is no such field here."), code="unknown_field")
                raise serializers.ValidationError({name: [message] for name in unknown[:10]})
        return super().to_internal_value(data)


def read_body(form: type[Form], request: Request, *, partial: bool = False) -> dict[str, Any]:
    """The validated body; raises a 400 that points at each mistake."""
    reading = form(data=request.data, partial=partial)
    if not reading.is_valid():
        raise invalid(reading.errors)
    return dict(reading.validated_data)


def read_query(form: type[Form], request: Request) -> dict[str, Any]:
    """The validated query parameters; raises a 400 that names each mistake."""
    repeated = [name for name, values in request.query_params.lists() if len(values) > 1]
    if repeated:
        raise bad_request("repeated_parameter", _("A query parameter is given more than once."))
    reading = form(data=request.query_params.dict())
    if not reading.is_valid():
        raise invalid(reading.errors, "parameter")
    return dict(reading.validated_data)


# --- fields -----------------------------------------------------------------------------------------------------------


def choices_of(names: tuple[str, ...], **options: Any) -> serializers.ChoiceField:
    """One of some names; a wrong one is not repeated in the answer."""
    message = gettext_lazy("Choose one of: %(names)s.") % {"names": ", ".join(names)}
    return serializers.ChoiceField(choices=names, error_messages={"invalid_choice": message}, **options)


def limit_field() -> serializers.IntegerField:
    """How many rows at most."""
    return serializers.IntegerField(min_value=1, max_value=MOST_ROWS, default=100, help_text="Most rows of a page.")


def since_field() -> serializers.IntegerField:
    """The number after which changes are told."""
    text = "The `next_since` of the page before; 0 begins at the beginning."
    return serializers.IntegerField(min_value=0, max_value=2**62, default=0, help_text=text)


class MomentField(serializers.DateTimeField):
    """A moment from which a rule's windows may be counted back and forth."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        moment = super().run_validation(data)
        if moment is not None and moment.year not in YEARS:
            message = _("The year must lie between %(first)s and %(last)s.") % {"first": YEARS[0], "last": YEARS[-1]}
            raise serializers.ValidationError(message, "moment_range")
        return moment


class IdField(serializers.UUIDField):
    """A UUID as JSON has it: a text, no number."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class CursorField(serializers.CharField):
    """Where a page begins, taken from the `next` of the page before; opaque."""

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {"required": False, "default": "", "max_length": 200, "allow_blank": True}
        super().__init__(help_text="Taken from `next` of the page before.", **defaults | options)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        text = super().run_validation(data)
        if not text:
            return text
        try:
            return self.meant(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode())
        except (binascii.Error, ValueError) as error:
            raise serializers.ValidationError(_("This is not a cursor of ours."), "cursor") from error

    def meant(self, text: str) -> Any:
        """What stood in the cursor; raises ValueError."""
        if UNSTORABLE.search(text):
            raise ValueError
        return text


class IdCursorField(CursorField):
    """A cursor that is an id."""

    def meant(self, text: str) -> UUID:
        return UUID(text)


def cursor(last: object) -> str:
    """The cursor of a page that begins after `last`."""
    return base64.urlsafe_b64encode(str(last).encode()).decode().rstrip("=")
