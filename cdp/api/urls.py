"""What downstream tools read."""

from django.urls import path, re_path

from cdp.api import exports, packages, privacy, profiles, review, segments, stewards
from cdp.api.endpoint import Nowhere
from cdp.api.openapi import Document

urlpatterns = [
    path("schema", Document.as_view()),
    path("v1/profiles/lookup", profiles.LookupView.as_view()),
    path("v1/profiles/changes", profiles.ProfileChangesView.as_view()),
    path("v1/profiles/<uuid:profile>", profiles.ProfileView.as_view()),
    path("v1/profiles/<uuid:profile>/records", profiles.RecordsView.as_view()),
    path("v1/profiles/<uuid:profile>/consents", profiles.ConsentsView.as_view()),
    path("v1/profiles/<uuid:profile>/household", profiles.HouseholdView.as_view()),
    path("v1/profiles/<uuid:profile>/history", stewards.HistoryView.as_view()),
    path("v1/profiles/<uuid:profile>/explanation", stewards.ExplanationView.as_view()),
    path("v1/profiles/<uuid:profile>/unmerge", stewards.UnmergeView.as_view()),
    path("v1/profiles/<uuid:profile>/expel", stewards.ExpelView.as_view()),
    path("v1/profiles/<uuid:profile>/split", stewards.SplitView.as_view()),
    path("v1/profiles/<uuid:profile>/corrections", stewards.CorrectionsView.as_view()),
    path("v1/review/cases", review.CasesView.as_view()),
    path("v1/review/cases/<uuid:case>", review.CaseView.as_view()),
    path("v1/review/cases/<uuid:case>/verdict", review.VerdictView.as_view()),
    path("v1/review/next", review.NextCaseView.as_view()),
    path("v1/review/quality", review.QualityView.as_view()),
    path("v1/privacy/requests", privacy.PrivacyRequestsView.as_view()),
    path("v1/privacy/requests/<uuid:privacy_request>", privacy.PrivacyRequestView.as_view()),
    path("v1/privacy/requests/<uuid:privacy_request>/verify", privacy.VerifyView.as_view()),
    path("v1/privacy/requests/<uuid:privacy_request>/extend", privacy.ExtendView.as_view()),
    path("v1/privacy/requests/<uuid:privacy_request>/refuse", privacy.RefuseView.as_view()),
    path("v1/privacy/requests/<uuid:privacy_request>/link", packages.LinkView.as_view()),
    path("v1/access-packages/<str:token>", packages.fetch, name="access-package"),
    path("v1/segments", segments.SegmentsView.as_view()),
    path("v1/segments/preview", segments.PreviewView.as_view()),
    path("v1/segments/<slug:key>", segments.SegmentView.as_view()),
    path("v1/segments/<slug:key>/publish", segments.PublishView.as_view()),
    path("v1/segments/<slug:key>/recompute", segments.RecomputeView.as_view()),
    path("v1/segments/<slug:key>/preview", segments.SegmentPreviewView.as_view()),
    path("v1/segments/<slug:key>/members", segments.MembersView.as_view()),
    path("v1/segments/<slug:key>/changes", segments.SegmentChangesView.as_view()),
    path("v1/segments/<slug:key>/export", exports.ExportView.as_view()),
    path("v1/segments/<slug:key>/export-requests", exports.ExportRequestsView.as_view()),
    path("v1/segments/<slug:key>/export-requests/<uuid:export_request>", exports.ExportRequestView.as_view()),
    re_path(r"", Nowhere.as_view()),
]
