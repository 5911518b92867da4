"""The one policy that is laid over every asset."""

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
"""First part of an asset key to its group; an unknown one fails at load, rather than in a run."""


DAILY = dg.FreshnessPolicy.cron(deadline_cron="0 3 * * *", lower_bound_delta=timedelta(hours=3), timezone="UTC")
"""Reports are rebuilt daily, between midnight and three. Streams are judged by lag: an idle one is not stale."""


def with_policy(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Give an asset its owner, the layer it belongs to as its group, and a report its freshness policy."""
    layer = spec.key.path[0]
    governed = spec.replace_attributes(owners=OWNERS, group_name=LAYERS[layer])
    return governed.replace_attributes(freshness_policy=DAILY) if layer == "reports" else governed
