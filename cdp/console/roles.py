"""The six roles and what each may do. `*` stands for every table of a package."""

from collections.abc import Mapping

# Without the tables of keys, which would lead from an audit row to a person.
OPERATIONS = (
    "view:core.user", "view:core.servicekey", "view:core.auditentry", "view:core.counter", "view:core.watermark",
    "view:core.touched", "view:core.unnumbered", "view:core.sequence",
)  # fmt: skip
VIEW_ALL = (
    *OPERATIONS, "view:auth.group", "view:events.*", "view:identity.*", "view:profiles.*", "view:consent.*",
    "view:segments.*",
)  # fmt: skip
MAPS = (
    "view:events.source", "view:events.channel", "view:events.place", "view:events.product",
    "view:consent.purpose", "view:consent.contactchannel",
)  # fmt: skip
PEOPLE = ("view:identity.profile", "view:identity.record", "view:profiles.golden", "view:consent.effective")

# A grant is `action:app.model`; an action of a model's own is written as its codename.
ROLES: Mapping[str, tuple[str, ...]] = {
    "marketer": (
        *MAPS, *PEOPLE, "view:segments.*", "add:segments.segment", "change:segments.segment",
        "publish_segment:segments.segment", "export_segment:segments.segment",
    ),
    "steward": (
        *MAPS, *PEOPLE, "view:identity.*", "view:profiles.*", "view:events.*", "change:identity.reviewcase",
        "add:events.plannedfield", "change:events.plannedfield", "unmask_golden:profiles.golden",
    ),
    "privacy officer": (
        *MAPS, *PEOPLE, "view:identity.*", "view:profiles.*", "view:events.*", "view:consent.*", "view:segments.*",
        "view:core.auditentry", "add:consent.purpose", "change:consent.purpose", "add:consent.notice",
        "add:consent.privacyrequest", "change:consent.privacyrequest", "unmask_golden:profiles.golden",
    ),
    "auditor": VIEW_ALL,
    "administrator": (
        *MAPS, *OPERATIONS, "view:events.*", "add:core.user", "change:core.user", "view:auth.group", "add:auth.group",
        "change:auth.group", "change:core.servicekey", "add:events.source", "change:events.source",
        "change:events.writekey", "add:events.channel", "add:events.place", "change:events.place", "add:events.product",
        "change:events.product", "add:events.plannedfield", "change:events.plannedfield", "view:segments.segment",
        "view:segments.run", "view:identity.resolutionrun", "view:identity.linkagemodel",
    ),
    "service": ("view:segments.*", "export_segment:segments.segment"),
}  # fmt: skip
SIGNS_IN = frozenset(ROLES) - {"service"}
