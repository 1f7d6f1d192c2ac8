"""The staff site: one room a question, and the state of the whole on the first page."""

from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

# Question → the packages that answer it, in the order of the data's way.
QUESTIONS = (
    ("what", _("What happened?"), ("events",)),
    ("who", _("Who is it?"), ("identity", "profiles")),
    ("may", _("May we?"), ("consent",)),
    ("which", _("Which people?"), ("segments",)),
    ("house", _("Accounts and operations"), ("core", "auth")),
)
# Tables that people come for, first in their room; the others follow by name.
FIRST = (
    "Event", "Source", "WriteKey", "Quarantined", "PlannedField", "Profile", "ReviewCase", "Record", "PrivacyRequest",
    "Purpose", "ConsentRecord", "Effective", "Segment", "Membership", "Transition", "Run", "User", "ServiceKey",
    "AuditEntry",
)  # fmt: skip


class ConsoleSite(AdminSite):
    site_title = _("Customer data platform")
    site_header = _("Customer data platform")
    index_title = _("The state of the whole")
    index_template = "console/index.html"
    login_template = "console/login.html"
    site_url = None
    empty_value_display = "–"

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """A page for staff only; a request with a NUL, which no text here may hold, is refused with 400."""

        @wraps(view)
        def read(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if _holds_nul(request):
                raise BadRequest
            return view(request, *args, **kwargs)

        return super().admin_view(read, cacheable)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The rooms in the order of the four questions; a question's room holds the tables of all its packages."""
        rooms = {room["app_label"]: room for room in super().get_app_list(request, app_label)}
        if app_label is not None:
            return list(rooms.values())
        return [room for question in QUESTIONS if (room := _room(rooms, *question)) is not None]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from cdp.console import state

        return super().index(request, {"state": state.of_the_whole(request.user), **(extra_context or {})})


def _holds_nul(request: HttpRequest) -> bool:
    sent = (text for given in (request.GET, request.POST) for name, texts in given.lists() for text in (name, *texts))
    return any("\0" in text for text in (request.path, *sent))


def _room(rooms: dict[str, Any], key: str, question: Any, labels: tuple[str, ...]) -> dict[str, Any] | None:
    own = [rooms[label] for label in labels if label in rooms]
    if not own:
        return None
    models = [model for room in own for model in room["models"]]
    return {**own[0], "key": key, "name": question, "models": sorted(models, key=_place)}


def _place(model: dict[str, Any]) -> tuple[int, str]:
    name = model["object_name"]
    return (FIRST.index(name) if name in FIRST else len(FIRST), str(model["name"]))
