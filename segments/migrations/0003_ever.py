"""Who is in a segment or ever was, as rules ask: also by the profiles that were merged into the one that lives.

Three parts, so that a question for some profiles is answered by an index of each.
"""

from django.db import migrations

EVER = """
create view segments_ever as
    select segment_id, profile_id from segments_membership
    union all
    select segment_id, profile from segments_transition where kind = 'entered' and purpose = ''
    union all
    select t.segment_id, p.redirect_id from identity_profile p join segments_transition t on t.profile = p.id
    where p.state = 'merged' and t.kind = 'entered' and t.purpose = ''
"""


class Migration(migrations.Migration):

    dependencies = [
        ('identity', '0001_initial'),
        ('segments', '0002_export_requests'),
    ]

    operations = [migrations.RunSQL(EVER, "drop view segments_ever")]
