"""Plans in force: loading a file makes a version of it, and its words on fields the tracking plan's own."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core.actions import audit
from cdp.core.errors import Refused
from cdp.core.statements import execute
from cdp.core.types import Actor
from cdp.events import sql
from cdp.events.models import PlannedField, Source, TrackingPlan
from cdp.events.tracking.files import Plan


@transaction.atomic
def load(actor: Actor, plan: Plan) -> tuple[TrackingPlan, bool]:
    """Put a plan into force: (its version, whether it is a new one); the same content again changes nothing.

    Raises `Refused`: `no_source`; `planned_twice` for an event that another plan describes for the same source.
    """
    execute(sql.ONE_PLAN_AT_A_TIME)
    source = _source(plan)
    before = TrackingPlan.objects.filter(key=plan.key, in_force=True).first()
    if before is not None and before.content == plan.content:
        return before, False
    _require_alone(plan, source)
    made = _version(actor, plan, source, before)
    _declare(plan, source)
    audit(actor, "tracking_plan.loaded", target=str(made.pk), plan=plan.key, version=made.version)
    return made, True


@transaction.atomic
def retire(actor: Actor, key: str) -> None:
    """From now on a plan is none. Raises `Refused`, `no_plan`."""
    execute(sql.ONE_PLAN_AT_A_TIME)
    if not TrackingPlan.objects.filter(key=key, in_force=True).update(in_force=False):
        raise Refused("no_plan", _("No plan of this name is in force."))
    PlannedField.objects.filter(plan=key).delete()
    audit(actor, "tracking_plan.retired", target=key)


def in_force() -> list[TrackingPlan]:
    """Every plan that counts, in order of their keys."""
    return list(TrackingPlan.objects.filter(in_force=True).select_related("source").order_by("key"))


def current(key: str) -> dict[str, Any]:
    """The content of a plan in force; empty where there is none."""
    return TrackingPlan.objects.filter(key=key, in_force=True).values_list("content", flat=True).first() or {}


def _source(plan: Plan) -> UUID | None:
    name = plan.content.get("source")
    found = Source.objects.filter(name=name).values_list("pk", flat=True).first() if name else None
    if name and found is None:
        raise Refused("no_source", _("There is no source of that name: make one with create_source."))
    return found


def _require_alone(plan: Plan, source: UUID | None) -> None:
    """Two plans that speak of one event of one source could not both count."""
    for other in TrackingPlan.objects.filter(in_force=True, source=source).exclude(key=plan.key):
        both = sorted(plan.events.keys() & other.content["events"].keys())
        both += ["unplanned"] if "unplanned" in plan.content and "unplanned" in other.content else []
        if both:
            raise Refused("planned_twice", _("“%(event)s” stands in the plan %(plan)s already.")
                          % {"event": both[0], "plan": other.key})  # fmt: skip


def _version(actor: Actor, plan: Plan, source: UUID | None, before: TrackingPlan | None) -> TrackingPlan:
    last = TrackingPlan.objects.filter(key=plan.key).order_by("-version").values_list("version", flat=True).first()
    if before is not None:
        TrackingPlan.objects.filter(pk=before.pk).update(in_force=False)
    return TrackingPlan.objects.create(
        key=plan.key, version=(last or 0) + 1, source_id=source, content=plan.content, actor=actor.name
    )


def _declare(plan: Plan, source: UUID | None) -> None:
    """The plan's words on fields in the place of those of its version before; what somebody said by hand stays."""
    PlannedField.objects.filter(plan=plan.key).delete()
    rows = [
        PlannedField(
            source_id=source, event=word.event, path=word.path, treatment=word.treatment, data_class=word.data_class,
            plan=plan.key,
        )
        for word in plan.words()
    ]  # fmt: skip
    PlannedField.objects.bulk_create(rows, ignore_conflicts=True)
