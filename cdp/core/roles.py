"""The six roles and what each may do, and the groups and demonstration accounts made from them."""

import secrets
from collections.abc import Iterable, Mapping

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

from cdp.core.actions import audit
from cdp.core.models import User
from cdp.core.types import Actor

# Without the tables of keys, which would lead from an audit row to a person.
OPERATIONS = (
    "view:core.user", "view:core.servicekey", "view:core.auditentry", "view:core.disclosure", "view:core.counter",
    "view:core.watermark", "view:core.touched", "view:core.unnumbered", "view:core.sequence",
)  # fmt: skip
VIEW_ALL = (
    *OPERATIONS, "view:auth.group", "view:events.*", "view:identity.*", "view:profiles.*", "view:consent.*",
    "view:lake.*", "view:segments.*", "view:ingestion.*",
)  # fmt: skip
MAPS = (
    "view:events.source", "view:events.channel", "view:events.place", "view:events.product",
    "view:consent.purpose", "view:consent.contactchannel",
)  # fmt: skip
PEOPLE = ("view:identity.profile", "view:identity.record", "view:profiles.golden", "view:consent.effective")

# `*` stands for every table of a package. A grant is `action:app.model`; an action of a model's own is written as its codename.
ROLES: Mapping[str, tuple[str, ...]] = {
    "marketer": (
        *MAPS, *PEOPLE, "view:segments.*", "add:segments.segment", "change:segments.segment",
        "publish_segment:segments.segment", "export_segment:segments.segment",
        "add:segments.uploadedlist", "delete:segments.uploadedlist", "add:segments.computedtrait",
        "change:segments.computedtrait", "publish_computedtrait:segments.computedtrait",
        "use_destination:segments.destination",
    ),
    "steward": (
        *MAPS, *PEOPLE, "view:identity.*", "view:profiles.*", "view:events.*", "change:identity.reviewcase",
        "change:identity.profile", "promote_linkagemodel:identity.linkagemodel", "add:events.plannedfield",
        "change:events.plannedfield", "replay_quarantined:events.quarantined", "unmask_golden:profiles.golden",
        "view:ingestion.upload", "add:ingestion.upload",
    ),
    "privacy officer": (
        *MAPS, *PEOPLE, "view:identity.*", "view:profiles.*", "view:events.*", "view:consent.*", "view:segments.*",
        "view:core.auditentry", "approve_exportrequest:segments.exportrequest",
        "add:segments.exportrequestgrouppermission", "delete:segments.exportrequestgrouppermission",
        "except_delivery:segments.delivery",
        "add:consent.purpose", "change:consent.purpose", "add:consent.notice", "add:consent.regime",
        "change:consent.regime", "add:consent.category", "change:consent.category",
        "add:consent.suppression", "delete:consent.suppression",
        "add:consent.retentionrule", "change:consent.retentionrule", "delete:consent.retentionrule",
        "add:consent.privacyrequest", "change:consent.privacyrequest", "add:consent.legalhold",
        "unmask_golden:profiles.golden",
    ),
    "auditor": VIEW_ALL,
    "administrator": (
        *MAPS, *OPERATIONS, "view:events.*", "add:core.user", "change:core.user", "view:core.authenticator",
        "delete:core.authenticator", "view:auth.group", "add:auth.group",
        "change:auth.group", "change:core.servicekey", "add:events.source", "change:events.source",
        "change:events.writekey", "add:events.channel", "add:events.place", "change:events.place", "add:events.product",
        "change:events.product", "add:events.plannedfield", "change:events.plannedfield",
        "replay_quarantined:events.quarantined", "view:segments.segment",
        "view:segments.segmentgrouppermission", "add:segments.segmentgrouppermission",
        "delete:segments.segmentgrouppermission", "view:segments.destination", "add:segments.destination",
        "change:segments.destination",
        "view:segments.delivery", "view:segments.subscription", "view:segments.destinationgrouppermission",
        "add:segments.destinationgrouppermission", "delete:segments.destinationgrouppermission",
        "view:events.sourcegrouppermission",
        "add:events.sourcegrouppermission", "delete:events.sourcegrouppermission", "view:identity.resolutionrun",
        "view:identity.linkagemodel", "view:ingestion.*", "add:ingestion.pull", "change:ingestion.pull",
        "add:ingestion.upload",
    ),
    "service": ("view:segments.*", "export_segment:segments.segment"),
}  # fmt: skip
# What somebody must be allowed to do for a scope of a service key to be theirs: REST and the console follow one table.
SCOPE_NEEDS: Mapping[str, str] = {
    "profiles:read": "view:identity.profile",
    "profiles:lookup": "view:identity.profile",
    "profiles:personal": "unmask_golden:profiles.golden",
    "identity:write": "change:identity.reviewcase",
    "segments:read": "view:segments.segment",
    "segments:write": "change:segments.segment",
    "members:read": "export_segment:segments.segment",
    "destinations:read": "view:segments.destination",
    "destinations:write": "change:segments.destination",
    "destinations:use": "use_destination:segments.destination",
    "privacy:read": "view:consent.privacyrequest",
    "privacy:write": "change:consent.privacyrequest",
    "consents:write": "change:consent.privacyrequest",
    "events:read": "view:events.trackingplan",
}
SIGNS_IN = frozenset(ROLES) - {"service"}
PACKAGES = ("core", "events", "ingestion", "identity", "profiles", "consent", "segments", "auth")


def ship_roles(using: str = "default") -> None:
    """One group a role, holding at least what the role may do; more that was granted by hand stays."""
    for label in PACKAGES:
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    for role, grants in ROLES.items():
        group, _ = Group.objects.using(using).get_or_create(name=role)
        group.permissions.add(*permissions(grants, using))


def scopes_of(role: str) -> tuple[str, ...]:
    """The scopes of a service key that may do what a role may."""
    return tuple(scope for scope, grant in SCOPE_NEEDS.items() if any(_covers(held, grant) for held in ROLES[role]))


def _covers(held: str, grant: str) -> bool:
    action, table = held.split(":")
    return held == grant or (table.endswith(".*") and grant.startswith(f"{action}:{table[:-1]}"))


def permissions(grants: Iterable[str], using: str = "default") -> list[Permission]:
    """The permissions that grants like `view:consent.*` stand for."""
    wanted = Q(pk__in=[])
    for grant in grants:
        wanted |= _meant_by(*grant.split(":"))
    return list(Permission.objects.using(using).filter(wanted))


def _meant_by(action: str, table: str) -> Q:
    package, model = table.split(".")
    if model == "*":
        return Q(content_type__app_label=package, codename__startswith=f"{action}_")
    codename = action if "_" in action else f"{action}_{model}"
    return Q(content_type__app_label=package, content_type__model=model, codename=codename)


@transaction.atomic
def create_demo_accounts() -> list[tuple[str, str, str]]:
    """An account a role, for demonstration only: (username, password, role). Made again, each gets a new password."""
    return [(*_demo_account(role), role) for role in ROLES]


def _demo_account(role: str) -> tuple[str, str]:
    username, password = role.replace(" ", "-"), secrets.token_urlsafe(9)
    user, _ = User.objects.get_or_create(username=username, defaults={"is_staff": role in SIGNS_IN})
    user.set_password(password)
    user.save(update_fields=["password"])
    user.groups.set([Group.objects.get(name=role)])
    audit(Actor.system("demo"), "user.demo_account", target=str(user.pk), role=role)
    return username, password
