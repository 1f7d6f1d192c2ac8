"""Where SDKs send to; every address with and without its slash, because a redirect counts as delivered to some."""

from django.urls import URLPattern, re_path

from cdp.ingestion import views

_KINDS = ("identify", "track", "page", "screen", "group", "alias")
_LETTERS = {"i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias"}
_SINGLES = {name: name for name in _KINDS} | _LETTERS

# Under /v1/.
urlpatterns: list[URLPattern] = [
    re_path(r"^(?:batch|b)/?$", views.batch),
    *(re_path(rf"^{path}/?$", views.single, {"kind": kind}) for path, kind in _SINGLES.items()),
    re_path(r"^projects/(?P<key>[^/]+)/settings/?$", views.settings),
    re_path(r"^m/?$", views.ignored),
    re_path(r"", views.nothing_here),
]

# At the root.
root_urlpatterns: list[URLPattern] = [
    re_path(r"^beacon/v1/batch/?$", views.batch),
    re_path(r"^sourceConfig/?$", views.source_config),
    re_path(r"^rsaMetrics/?$", views.ignored),
]
