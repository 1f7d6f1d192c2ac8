"""Answers of the addresses of export files."""

from rest_framework import serializers

from cdp.api.shapes import PageShape, Shape, moment, number, text, uuid
from segments.models import ExportJob


class ExportFileShape(Shape):
    """A file of a segment's members, and what has become of it."""

    id = uuid()
    state = serializers.ChoiceField(choices=ExportJob.State.choices)
    purpose = text()
    channel = text("A contact channel.")
    format = text("csv, ndjson or parquet.")
    columns = serializers.ListField(child=text())
    once_per_address = serializers.BooleanField()
    reason = text()
    asked_at = moment()
    percent = number("How much of it is made.")
    made_at = moment(allow_null=True)
    checked_at = moment("When consent was asked of all its members last.", allow_null=True)
    kept_until = moment("When it is destroyed.", allow_null=True)
    count = number("How many members it tells of.")
    size = number("Its length in bytes.")
    sha256 = text("Its SHA-256 in hexadecimal; empty until it is made.")
    left_out = number("Of those who were in it when it was made, who have been left out since.")
    failed = text("Why it could not be made, as a code; empty where it could.")
    why_gone = text("ended, deleted or erased: why it is kept no longer; empty while it is.")


class ExportPartShape(Shape):
    """Lines that were asked about together."""

    at = moment("When consent was asked.")
    count = number("How many members it tells of.")
    number = number()


class ExportFileManifestShape(ExportFileShape):
    """A file with its parts, in their order."""

    parts = ExportPartShape(many=True)


class ExportFilesPageShape(PageShape):
    """A page of export files, the newest first."""

    results = ExportFileShape(many=True)
