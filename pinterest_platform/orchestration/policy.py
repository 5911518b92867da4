"""The policy that is applied to every asset."""

from collections.abc import Mapping
from datetime import timedelta

import dagster as dg

OWNERS = ["team:data-platform"]

LAYERS: Mapping[str, str] = {
    "kafka": "streams",
    "kinesis": "streams",
    "raw_stream": "raw_stream",
    "cleaned_stream": "cleaned_stream",
    "raw": "raw",
    "cleaned": "cleaned",
    "reports": "reports",
    "ledger": "operations",
}
"""The group of an asset by the first part of its key. An unknown first part fails at load, not in a run."""

DAILY = dg.FreshnessPolicy.cron(deadline_cron="0 3 * * *", lower_bound_delta=timedelta(hours=3), timezone="UTC")
"""Reports are rebuilt daily between 0:00 and 3:00. Streams have a lag check instead: an idle stream is not stale."""


def with_policy(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Return an asset with its owner and its layer as group; a report also gets its freshness policy."""
    layer = spec.key.path[0]
    governed = spec.replace_attributes(owners=OWNERS, group_name=LAYERS[layer])
    return governed.replace_attributes(freshness_policy=DAILY) if layer == "reports" else governed
