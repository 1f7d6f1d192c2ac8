"""The staff site: one room a question, and the state of the whole on the first page."""

from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib.admin import AdminSite
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from cdp.console import incident, quality, register, tail
from cdp.console.login import NEXT, account_of, ask_second_factor, next_of
from cdp.console.refusals import note_refused, note_sign_in
from cdp.core import secondfactor
from cdp.core.actions import audit
from cdp.core.types import Actor

# Question → the packages that answer it, in the order of the data's way.
QUESTIONS = (
    ("what", _("What happened?"), ("events", "ingestion")),
    ("who", _("Who is it?"), ("identity", "profiles")),
    ("may", _("May we?"), ("consent",)),
    ("which", _("Which people?"), ("segments",)),
    ("house", _("Accounts and operations"), ("core", "lake", "auth")),
)
# Question → what only those may do whose work is to answer it.
WORK_OF_ROOM = {
    "who": "identity.change_reviewcase",
    "may": "consent.change_privacyrequest",
    "which": "segments.change_segment",
}
# Tables that people come for, first in their room; the others follow by name.
FIRST = (
    "Event", "Source", "WriteKey", "Upload", "Quarantined", "TrackingPlan", "PlannedField",
    "Profile", "ReviewCase", "Record", "PrivacyRequest",
    "Purpose", "ConsentRecord", "Effective", "Segment", "ComputedTrait", "UploadedList", "Destination", "ExportJob", "ExportRequest",
    "User", "ServiceKey", "AuditEntry",
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

        shown = super().admin_view(read, cacheable)

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.user.is_authenticated and not super(ConsoleSite, self).has_permission(request):
                note_refused(request)
            try:
                return shown(request, *args, **kwargs)
            except PermissionDenied:
                note_refused(request)
                raise

        return guarded

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff, with the second factor where one is demanded."""
        return super().has_permission(request) and secondfactor.satisfied(request.user)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Whoever has signed in and owes a code is led to its page. Signing in, or trying to, is written down."""
        if super().has_permission(request) and not secondfactor.satisfied(request.user):
            return HttpResponseRedirect(f"{reverse('admin:second_factor')}?{urlencode({NEXT: next_of(request)})}")
        answer = super().login(request, extra_context)
        if request.method == "POST":
            self._note_sign_in(request, answer)
        return answer

    def _note_sign_in(self, request: HttpRequest, answer: HttpResponse) -> None:
        if answer.status_code == HTTPStatus.FOUND:
            audit(Actor.user(request.user), "user.signed_in")
        else:
            note_sign_in(account_of(request.POST.get("username")), "user.sign_in_refused")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """A new password, which ends every other session of the account."""
        answer = super().password_change(request, extra_context)
        if request.method == "POST" and answer.status_code == HTTPStatus.FOUND:
            audit(Actor.user(request.user), "user.password_changed")
        return answer

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """The page of the second factor, for whoever has given a right password."""
        if not super().has_permission(request):
            return HttpResponseRedirect(reverse("admin:login"))
        return ask_second_factor(request, self.each_context(request))

    def incident(self, request: HttpRequest) -> HttpResponse:
        """Whose data somebody touched."""
        if not request.user.has_perm(incident.PERMISSION):
            raise PermissionDenied
        return incident.page(request, self.each_context(request))

    def register_of_processing(self, request: HttpRequest) -> HttpResponse:
        """What is done with personal data, for whom and how long."""
        if not request.user.has_perm(register.PERMISSION):
            raise PermissionDenied
        return register.page(request, self.each_context(request))

    def live(self, request: HttpRequest) -> HttpResponse:
        """The latest events as they come in."""
        if not request.user.has_perm(tail.PERMISSION):
            raise PermissionDenied
        return tail.page(request, self.each_context(request))

    def data_quality(self, request: HttpRequest) -> HttpResponse:
        """How good what arrives is, by source and day."""
        if not request.user.has_perm(quality.PERMISSION):
            raise PermissionDenied
        return quality.page(request, self.each_context(request))

    def get_urls(self) -> list[Any]:
        pages = [
            path("live/", never_cache(self.admin_view(self.live)), name="live"),
            path("quality/", self.admin_view(self.data_quality), name="quality"),
            path("second-factor/", never_cache(self.second_factor), name="second_factor"),
            path("incident/", self.admin_view(self.incident), name="incident"),
            path("processing/", self.admin_view(self.register_of_processing), name="processing"),
        ]
        return pages + super().get_urls()

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The rooms in the order of the four questions, but that of somebody's own work first; a question's room holds the
        tables of all its packages."""
        rooms = {room["app_label"]: room for room in super().get_app_list(request, app_label)}
        if app_label is not None:
            return list(rooms.values())
        ordered = [room for question in QUESTIONS if (room := _room(rooms, *question)) is not None]
        own = _own_room(request.user)
        return sorted(ordered, key=lambda room: room["key"] != own)

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None) -> Any:
        """A room's tables, under its question."""
        title = {"title": apps.get_app_config(app_label).verbose_name}
        return super().app_index(request, app_label, {**title, **(extra_context or {})})

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from cdp.console import demo, lessons, state

        return super().index(
            request,
            {
                "state": state.of_the_whole(request.user),
                "stories": demo.stories(request.user),
                "lessons": lessons.of(request.user),
                **(extra_context or {}),
            },
        )


def _holds_nul(request: HttpRequest) -> bool:
    sent = (text for given in (request.GET, request.POST) for name, texts in given.lists() for text in (name, *texts))
    return any("\0" in text for text in (request.path, *sent))


def _room(rooms: dict[str, Any], key: str, question: Any, labels: tuple[str, ...]) -> dict[str, Any] | None:
    own = [rooms[label] for label in labels if label in rooms]
    if not own:
        return None
    models = sorted((model for room in own for model in room["models"]), key=_place)
    first = [model for model in models if model["object_name"] in FIRST] or models
    others = [model for model in models if model not in first]
    return {**own[0], "key": key, "name": question, "models": models, "first": first, "others": others}


def _own_room(user: Any) -> str | None:
    """The room where an account's work is; who may do that of several rooms, or of none, has no room before others."""
    own = [key for key, work in WORK_OF_ROOM.items() if user.has_perm(work)]
    return own[0] if len(own) == 1 else None


def _place(model: dict[str, Any]) -> tuple[int, str]:
    name = model["object_name"]
    return (FIRST.index(name) if name in FIRST else len(FIRST), str(model["name"]))
