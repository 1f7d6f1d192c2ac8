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
    }


def export(columns: str) -> str:
    """The clear columns of a segment's consenting members, in one statement."""
    return f"""select m.profile_id, to_char(m.entered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), {columns}
        from segments_membership m {LIVE.format("m")}
        join segments_segment s on s.id = m.segment_id and s.key = 'everybody'
        join consent_effective c on c.profile_id = m.profile_id and c.purpose = 'marketing' and c.channel = 'email'
            and c.brand = '' and c.state = 'granted'
        left join profiles_golden g on g.profile_id = m.profile_id order by m.profile_id"""
