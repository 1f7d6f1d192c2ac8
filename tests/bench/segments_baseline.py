"""Rules as an expert writes them by hand for these very tables. Imports nothing of the product."""

LIVE = "join identity_profile p on p.id = {0}.profile_id and p.state = 'live'"
EVENTS = "from events_event e join identity_record r on r.id = e.record " + LIVE.format("r")


def within(days: int, as_of: str) -> str:
    until = f"timestamptz '{as_of}'"
    return f"e.occurred_at >= {until} - interval '{days * 24} hours' and e.occurred_at < {until}"


def spent(days: int, as_of: str, having: str) -> str:
    """Revenue once per order: its last statement."""
    return f"""select profile_id from (
        select distinct on (r.profile_id, e.brand, coalesce(e.order_id, e.id::text)) r.profile_id, e.revenue {EVENTS}
        where e.name = 'Order Completed' and e.currency = 'KRW' and {within(days, as_of)}
        order by r.profile_id, e.brand, coalesce(e.order_id, e.id::text), e.occurred_at desc, e.message_id desc
    ) o group by profile_id having sum(revenue) {having}"""


# What the two engines write differently.
ELEMENTS = {
    "postgresql": """exists (select from jsonb_array_elements(e.properties -> 'products') x where x ->> 'category' = 'hats')""",
    "duckdb": "list_contains(json_extract_string(e.properties, '$.products[*].category'), 'hats')",
}
MONTH = {
    "postgresql": "date_trunc('month', e.occurred_at at time zone 'UTC')",
    "duckdb": "date_trunc('month', e.occurred_at)",
}


def orders_by(direction: str, as_of: str) -> str:
    """Everybody's orders, numbered from one end."""
    return f"""select r.profile_id, e.properties ->> 'category' as category, row_number() over (partition by r.profile_id
        order by e.occurred_at {direction}, e.message_id {direction}) as n {EVENTS}
        where e.name = 'Order Completed' and e.occurred_at < timestamptz '{as_of}'"""


def bought_after_viewing(as_of: str, between: str = "") -> str:
    """An order within 7 days of the latest view before it; with `between`, none of these after that view."""
    names = ", ".join(f"'{name}'" for name in ("Product Viewed", "Order Completed", between) if name)
    other = f", max(case when e.name = '{between}' then e.occurred_at end) over before as broken" if between else ""
    unbroken = "and (s.broken is null or s.broken <= s.viewed)" if between else ""
    return f"""select distinct profile_id from (
        select r.profile_id, e.name, e.occurred_at,
            max(case when e.name = 'Product Viewed' then e.occurred_at end) over before as viewed{other}
        {EVENTS} where e.name in ({names}) and e.occurred_at < timestamptz '{as_of}'
        window before as (partition by r.profile_id order by e.occurred_at, e.message_id
            rows between unbounded preceding and 1 preceding)
    ) s where s.name = 'Order Completed' and s.occurred_at - s.viewed <= interval '7 days' {unbroken}"""


def histories(as_of: str, engine: str) -> dict[str, str]:
    """The rules that look at the events of a profile together, for an engine."""
    viewed = f"{EVENTS} where e.name = 'Product Viewed' and {within(90, as_of)}"
    before = (
        "e.occurred_at >= timestamptz '2026-03-01T00:00:00Z' and e.occurred_at < timestamptz '2026-06-01T00:00:00Z'"
    )
    return {
        "sequence": bought_after_viewing(as_of),
        "sequence_without": bought_after_viewing(as_of, "Cart Viewed"),
        "first": f"select profile_id from ({orders_by('asc', as_of)}) o where n = 1 and category = 'shoes'",
        "last": f"select profile_id from ({orders_by('desc', as_of)}) o where n = 1 and category = 'shoes'",
        "third": f"select profile_id from ({orders_by('asc', as_of)}) o where n = 3 and category = 'shoes'",
        "distinct": f"""select r.profile_id {viewed} group by 1
            having count(distinct e.properties ->> 'category') >= 3""",
        "most_frequent": f"""select profile_id from (
            select profile_id, category, row_number() over (partition by profile_id order by c desc, category) as n from (
                select r.profile_id, e.properties ->> 'category' as category, count(*) as c {viewed} group by 1, 2) x
            ) y where n = 1 and category = 'bags'""",
        "frequency": f"""select profile_id from (select distinct r.profile_id, {MONTH[engine]} as m
            {EVENTS} where e.name = 'Product Viewed' and {before}) x group by 1 having count(*) >= 3""",
        "elements": f"""select distinct r.profile_id {EVENTS} where e.name = 'Order Completed'
            and {within(90, as_of)} and {ELEMENTS[engine]}""",
    }


def rules(as_of: str) -> dict[str, str]:
    """Name → a SELECT of one column, profile_id."""
    traits = f"select g.profile_id from profiles_golden g {LIVE.format('g')} where "
    korean = "g.traits ->> 'country' = 'KR'"
    counted = f"""select r.profile_id {EVENTS} where e.name = 'Product Viewed' and e.properties ->> 'category' = 'shoes'
        and {within(30, as_of)} group by 1 having count(*) >= 1"""
    recent = f"select r.profile_id {EVENTS} where e.name = 'Order Completed' and {within(30, as_of)}"
    quiet = f"""(g.traits ->> 'last_seen')::timestamptz < timestamptz '{as_of}' - interval '1440 hours'"""
    return {
        "traits": f"{traits} {korean} and (g.traits ->> 'orders_count')::numeric >= 3",
        "count_with_property": counted,
        "sum_90_not_30": f"{spent(90, as_of, '> 300000')} except {recent}",
        "last_seen_60_days": traits + quiet,
        "never": f"""select p.id from identity_profile p where p.state = 'live' and not exists (
            select from identity_record r join events_event e on e.record = r.id
            where r.profile_id = p.id and e.name = 'Cart Viewed' and {within(90, as_of)})""",
        "nested_five": f"""{traits} {korean} and g.traits ->> 'gender' = 'f' and ({quiet}
            or g.profile_id in ({counted}) or g.profile_id in ({spent(365, as_of, ">= 500000")}))""",
        "segment_and_consent": f"""select m.profile_id from segments_membership m {LIVE.format("m")}
            join segments_segment s on s.id = m.segment_id and s.key = 'korean'
            join consent_effective c on c.profile_id = m.profile_id and c.purpose = 'marketing' and c.channel = 'email'
                and c.brand = '' and c.state = 'granted'""",
        "list": f"""select distinct r.profile_id from segments_listentry i join identity_record r on r.id = i.record
            {LIVE.format("r")} join segments_uploadedlist l on l.id = i.list_id and l.key = 'some'""",
    }


def export(columns: str) -> str:
    """The clear columns of a segment's consenting members, in one statement."""
    return f"""select m.profile_id, to_char(m.entered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), {columns}
        from segments_membership m {LIVE.format("m")}
        join segments_segment s on s.id = m.segment_id and s.key = 'everybody'
        join consent_effective c on c.profile_id = m.profile_id and c.purpose = 'marketing' and c.channel = 'email'
            and c.brand = '' and c.state = 'granted'
        left join profiles_golden g on g.profile_id = m.profile_id order by m.profile_id"""
