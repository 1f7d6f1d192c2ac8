"""Every error is a problem (RFC 9457): `application/problem+json`, with a stable `code` and no personal value.

`errors` lists what is wrong with the request: `pointer` is a JSON pointer into the body (RFC 6901), `parameter` the
name of a query parameter. `instance` names the occurrence, and is in the log where a fault of ours caused it.
"""

import logging
import traceback
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext as _
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import exceptions
from rest_framework.response import Response

from cdp.api.refusals import note_refusal
from cdp.core.errors import Refused, Unavailable
from cdp.core.types import uuid7
from segments.query.problems import Problem as RuleProblem
from segments.query.problems import RuleError, child

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
# lock_not_available
LOCKED = "55P03"
MOST_ERRORS = 100

STATUS = {
    "not_found": 404,
    "erased": 410,
    "export_gone": 410,
    **dict.fromkeys(
        (
            "purpose_mismatch",
            "brand_mismatch",
            "data_class",
            "personal_not_allowed",
            "not_approved",
            "approval_outdated",
        ),
        403,
    ),
    **dict.fromkeys(("segment_in_use", "segment_cycle", "segment_not_published"), 409),
    **dict.fromkeys(("purpose_unknown", "unknown_purpose", "channel_unknown", "unknown_contact_channel"), 400),
    **dict.fromkeys(("zone_unknown", "column_unknown", "format_unknown", "once_per_address", "too_slow"), 400),
    **dict.fromkeys(("unknown_state", "no_evidence"), 400),
    **dict.fromkeys(("source_unknown", "reason_unknown", "attribute_unknown", "value_unusable"), 400),
    **dict.fromkeys(("subject_missing", "received_later"), 400),
}
# Where in the body stands what was refused.
POINTERS = {"source_unknown": "/source", "value_unusable": "/value"}
OTHERWISE = 409


class Problem(exceptions.APIException):
    """An answer that says what went wrong; `members` are further members of the problem object."""

    def __init__(
        self, status: int, code: str, detail: str, *, errors: Iterable[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None, **members: Any,
    ) -> None:  # fmt: skip
        super().__init__(detail, code)
        self.status_code = status
        self.code = code
        self.errors = list(errors)[:MOST_ERRORS]
        self.headers = dict(headers or {})
        self.members = members

    def body(self) -> dict[str, Any]:
        """The problem object."""
        problem: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status_code).phrase,
            "status": self.status_code,
            "detail": str(self.detail),
            "instance": uuid7().urn,
            "code": self.code,
        }
        return problem | ({"errors": self.errors} if self.errors else {}) | self.members


def bad_request(code: str, detail: str, *errors: Mapping[str, str]) -> Problem:
    """A request that cannot be answered as it is."""
    return Problem(400, code, detail, errors=errors)


def forbidden(code: str, detail: str, **members: Any) -> Problem:
    """A request that this key may not make."""
    return Problem(403, code, detail, **members)


def invalid(detail: Any, place: str = "pointer") -> Problem:
    """What serializers found, each at its place: `pointer` for bodies, `parameter` for query parameters."""
    return bad_request("invalid", _("The request is not valid."), *found(detail, place))


def found(detail: Any, place: str = "pointer", path: str = "") -> Iterator[dict[str, str]]:
    """Flatten the nested errors of serializers."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            yield from found(inner, place, path if key == "non_field_errors" else child(path, key))
    elif isinstance(detail, list):
        for inner in detail:
            yield from found(inner, place, path)
    else:
        where = path if place == "pointer" else path.split("/")[1] if path else ""
        yield {place: where, "code": str(detail.code), "detail": str(detail)}


# --- from exceptions --------------------------------------------------------------------------------------------------


def problem_of(error: Exception) -> Problem:
    """The problem that an exception is answered with. Nothing of an unexpected one is told."""
    match error:
        case Problem():
            return error
        case RuleError():
            return rule_refused(error)
        case Refused():
            return _of_refusal(error)
        case ModelValidationError():
            return _of_model(error)
        case exceptions.ValidationError():
            return invalid(error.detail)
        case exceptions.APIException():
            return _of_framework(error)
        case Http404():
            return Problem(404, "not_found", _("There is nothing at this address."))
        case IntegrityError():
            return Problem(409, "conflict", _("Somebody changed the same thing at this moment: look, and try again."))
        case Unavailable() | OperationalError() | InterfaceError():
            return _of_absence(error)
        case _:
            return Problem(500, "internal", _("An error of ours. The instance is in our log."))


def _of_absence(error: Exception) -> Problem:
    headers = {"Retry-After": str(RETRY_SECONDS)}
    if getattr(error.__cause__, "sqlstate", None) == LOCKED:
        return Problem(503, "busy", _("It is computed or changed at this moment: try again."), headers=headers)
    return Problem(503, "unavailable", _("Something needed cannot be reached now: try again."), headers=headers)


def _of_refusal(error: Refused) -> Problem:
    detail, pointer = str(error), POINTERS.get(error.code)
    errors = [{"pointer": pointer, "code": error.code, "detail": detail}] if pointer else []
    return Problem(STATUS.get(error.code, OTHERWISE), error.code, detail, errors=errors)


def rule_refused(error: RuleError, root: str = "/rule") -> Problem:
    """What is wrong with a rule that stands at `root` of the body, each mistake at its place."""
    return bad_request("rule_refused", _("The rule cannot be used as it is."), *mistakes(error.problems, root))


def mistakes(problems: Iterable[RuleProblem], root: str = "/rule") -> list[dict[str, str]]:
    """Each at its place in a rule that stands at `root` of the body."""
    return [
        {"pointer": f"{root}{one.path}", "code": one.code, "detail": _(one.message) % one.params}
        | ({"suggestion": one.params["near"]} if "near" in one.params else {})
        for one in problems
    ]


def _of_model(error: ModelValidationError) -> Problem:
    by_field = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
    errors = [
        {"pointer": f"/{field}" if field else "", "code": one.code or "invalid", "detail": " ".join(one.messages)}
        for field, listed in by_field.items()
        for one in listed
    ]
    taken = any(entry["code"] == "unique" for entry in errors)
    detail = _("This exists already.") if taken else _("The request is not valid.")
    return Problem(409 if taken else 400, "taken" if taken else "invalid", detail, errors=errors)


def _of_framework(error: exceptions.APIException) -> Problem:
    challenge = getattr(error, "auth_header", None)
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return Problem(error.status_code, str(getattr(error.detail, "code", "error")), str(error.detail), headers=headers)


# --- as the framework asks for it -------------------------------------------------------------------------------------


class ProblemFormatter(ExceptionFormatter):
    """The body of a problem."""

    def run(self) -> dict[str, Any]:
        body: dict[str, Any] = problem_of(self.exc).body()
        return body


class ProblemHandler(ExceptionHandler):
    """Answers every exception with a problem; runs after the view's transaction was rolled back, so refusals stay."""

    def convert_unhandled_exceptions(self, exc: Exception) -> Problem:
        return problem_of(exc)

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        return exc

    def should_not_handle(self, exc: Exception) -> bool:
        return False

    def format_exception(self, exc: Exception) -> dict[str, Any]:
        body: dict[str, Any] = super().format_exception(problem_of(exc))
        return body

    def get_response(self, exc: Exception, data: dict[str, Any]) -> Response:
        request = self.context["request"]
        if request is not None and data["status"] in (401, 403):
            note_refusal(request, self.exc, data)
        response = Response(data, status=data["status"], headers=problem_of(exc).headers, content_type=MEDIA_TYPE)
        # Django's own line about it would hold the address as it was asked for.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response

    def report_exception(self, exc: Exception, response: Response) -> None:
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("%s %s", response.data["instance"], _shape(self.exc))


def _shape(error: BaseException) -> str:
    """Where an exception came from: its message might hold somebody's values, its type and lines do not."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    cause = f" from {type(error.__cause__).__name__}" if error.__cause__ else ""
    return f"{type(error).__name__}{cause} at {lines}"
