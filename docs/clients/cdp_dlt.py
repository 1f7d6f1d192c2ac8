"""Members of a segment, and who came and went, by dlt (https://dlthub.com) into any of its destinations.

    pip install "dlt[duckdb]==1.31.0"
    CDP_URL=https://cdp.example CDP_KEY=… python cdp_dlt.py vip marketing email

`members` is replaced at each run by whoever may be contacted then. `changes` goes on after the last number it has seen, so a run
when nothing happened brings nothing. The service key needs the scope `members:read`.
"""

import os
import sys
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source


def segment(url: str, key: str, name: str, purpose: str, channel: str, rows: int = 1000) -> Any:
    """A dlt source of the tables `members` and `changes` of a segment, told for a purpose and a contact channel."""
    audience: dict[str, Any] = {"purpose": purpose, "channel": channel, "limit": rows}
    return rest_api_source(
        {
            "client": {"base_url": f"{url}/api/v1/segments/{name}/", "auth": {"type": "bearer", "token": key}},
            "resources": [
                {
                    "name": "members",
                    "primary_key": "profile_id",
                    "write_disposition": "replace",
                    "endpoint": {
                        "path": "members",
                        "params": audience,
                        "data_selector": "results",
                        "paginator": {"type": "json_link", "next_url_path": "next"},
                    },
                },
                {
                    "name": "changes",
                    "primary_key": "seq",
                    "write_disposition": "append",
                    "endpoint": {
                        "path": "changes",
                        "params": audience,
                        "incremental": {"cursor_path": "seq", "start_param": "since", "initial_value": 0},
                        "data_selector": "results",
                        "paginator": {
                            "type": "cursor",
                            "cursor_path": "next_since",
                            "cursor_param": "since",
                            "has_more_path": "has_more",
                        },
                    },
                },
            ],
        },
        name=name,
    )


if __name__ == "__main__":
    name, purpose, channel = sys.argv[1:4]
    told = segment(os.environ["CDP_URL"], os.environ["CDP_KEY"], name, purpose, channel)
    print(dlt.pipeline("cdp", destination="duckdb", dataset_name="cdp").run(told))
