"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path

from cdp.console.health import health_urlpatterns
from cdp.console.metrics import metrics_urlpatterns
from cdp.console.person import person_urlpatterns
from cdp.ingestion.urls import root_urlpatterns

urlpatterns = [
    *health_urlpatterns,
    *metrics_urlpatterns,
    *root_urlpatterns,
    path("v1/", include("cdp.ingestion.urls")),
    path("api/", include("cdp.api.urls")),
    *person_urlpatterns,
    path("i18n/", include("django.conf.urls.i18n")),
    path("", admin.site.urls),
]
