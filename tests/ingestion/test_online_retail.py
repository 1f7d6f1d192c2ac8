"""Half a million real lines: every one an event of its own, and a second import changes nothing."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.models import Count, Sum

from cdp.core.types import Actor
from cdp.events.actions import create_source
from cdp.events.models import Event

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "online_retail.parquet"
# By DuckDB: sum of round(Quantity × UnitPrice × 100) in decimals, and how many of these are negative.
NET_PENCE, REFUNDS = 974_774_793, 9_290
MAPPING = {
    "event": {"constant": "Product Purchased"},
    "time": "InvoiceDate",
    "zone": "Europe/London",
    "customer": {"column": "CustomerID", "kind": "customer"},
    "receipt": "InvoiceNo",
    "quantity": "Quantity",
    "price": "UnitPrice",
    "currency": "GBP",
    "refund": {"when_negative": True},
    "properties": {
        "InvoiceNo": "invoice",
        "StockCode": "sku",
        "Description": "product",
        "Quantity": "quantity",
        "Country": "country",
    },
}


@pytest.mark.django_db
@pytest.mark.skipif(not FILE.exists(), reason="needs shared/data/online_retail.parquet beside the project folder")
def test_online_retail_imports_whole_and_twice_alike(tmp_path: Path) -> None:
    source, _key = create_source(Actor.system("test"), "retail", "web", currency="GBP", zone="Europe/London")
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps(MAPPING))
    first, second = StringIO(), StringIO()
    call_command("import_events", FILE, source="retail", mapping=mapping, stdout=first)
    assert "rows: 541909, taken: 541909, repeated: 0, quarantined: 0" in first.getvalue()
    events = Event.objects.filter(source=source)
    assert events.filter(kind="customer").aggregate(people=Count("record", distinct=True)) == {"people": 4372}
    refunds = events.filter(name="Order Refunded")
    assert refunds.count() == REFUNDS and not events.filter(revenue__lt=0).exists()
    total = events.exclude(name="Order Refunded").aggregate(pence=Sum("revenue"))["pence"]
    assert total - refunds.aggregate(pence=Sum("revenue"))["pence"] == NET_PENCE
    call_command("import_events", FILE, source="retail", mapping=mapping, stdout=second)
    assert "taken: 0, repeated: 541909, quarantined: 0" in second.getvalue()
    assert events.count() == 541_909
