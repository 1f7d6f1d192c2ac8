"""How each library sends to this installation: code to copy, with the address and the write key in it."""

from django.utils.translation import gettext as _

SNIPPETS = {
    "JavaScript · RudderStack": """import {{ RudderAnalytics }} from "@rudderstack/analytics-js";
const analytics = new RudderAnalytics();
analytics.load("{key}", "{host}", {{ configUrl: "{host}" }});
analytics.track("Product Viewed", {{ product_id: "1" }});""",
    "JavaScript · Segment": """import {{ AnalyticsBrowser }} from "@segment/analytics-next";
const analytics = AnalyticsBrowser.load(
  {{ writeKey: "{key}", cdnURL: "{host}" }},
  {{ integrations: {{ "Segment.io": {{ apiHost: "{name}/v1", protocol: "{scheme}" }} }} }},
);
analytics.track("Product Viewed", {{ product_id: "1" }});""",
    "Python · Segment": """from segment.analytics.client import Client
analytics = Client("{key}", host="{host}")
analytics.track("u1", "Product Viewed", {{"product_id": "1"}})
analytics.shutdown()""",
    "Python · RudderStack": """from rudderstack.analytics.client import Client
analytics = Client("{key}", host="{host}")
analytics.track("u1", "Product Viewed", {{"product_id": "1"}})
analytics.shutdown()""",
    "Node.js · Segment": """import {{ Analytics }} from "@segment/analytics-node";
const analytics = new Analytics({{ writeKey: "{key}", host: "{host}" }});
analytics.track({{ userId: "u1", event: "Product Viewed", properties: {{ product_id: "1" }} }});
await analytics.closeAndFlush();""",
}
CURL = """curl -u {key}: -H 'Content-Type: application/json' {host}/v1/track \\
  -d '{{"userId": "u1", "event": "Product Viewed", "properties": {{"product_id": "1"}}}}'"""


def snippets(scheme: str, name: str, key: str) -> list[tuple[str, str]]:
    """(library, code) with the address `scheme://name` and the write key."""
    written = {"scheme": scheme, "name": name, "host": f"{scheme}://{name}", "key": key}
    return [(library, code.format(**written)) for library, code in {**SNIPPETS, _("Without a library"): CURL}.items()]
