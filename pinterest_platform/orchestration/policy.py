"""The policy that is applied to every asset: owner, group, tags, address and freshness."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg

from pinterest_platform.catalog import PAGE_KEY, REPORT_KEYS, STREAMS_PREFIX, TOPICS_PREFIX, Names, entity_named
from pinterest_platform.settings import names_at_load

OWNERS = ["team:data-platform"]

NAMES = names_at_load()
"""The names that descriptions of assets show."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the platform: the group of its assets, and their tags `layer` and `route`."""

    group: str
    name: str
    route: str = ""

    @property
    def tags(self) -> dict[str, str]:
        """The tags of an asset of this layer; reports and the ledger have no route."""
        return {"layer": self.name, **({"route": self.route} if self.route else {})}


LAYERS: Mapping[str, Layer] = {
    "kafka": Layer("topics", "source", "kafka"),
    "kinesis": Layer("streams", "source", "kinesis"),
    "raw": Layer("raw", "raw", "kafka"),
    "raw_stream": Layer("raw_stream", "raw", "kinesis"),
    "cleaned": Layer("cleaned", "cleaned", "kafka"),
    "cleaned_stream": Layer("cleaned_stream", "cleaned", "kinesis"),
    "reports": Layer("reports", "report"),
    "ledger": Layer("operations", "operations"),
    "operations": Layer("operations", "operations"),
}
"""The layer of an asset by the first part of its key. An unknown first part fails at load, not in a run."""

DAILY = dg.FreshnessPolicy.cron(deadline_cron="0 3 * * *", lower_bound_delta=timedelta(hours=3), timezone="UTC")
"""Reports are rebuilt daily between 0:00 and 3:00. Streams have a lag check instead: an idle stream is not stale."""


def with_policy(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Return an asset with its owner, group, tags and address; a report also gets its freshness policy."""
    layer = LAYERS[spec.key.path[0]]
    governed = spec.replace_attributes(
        owners=OWNERS,
        group_name=layer.group,
        tags={**spec.tags, **layer.tags},
        metadata={**spec.metadata, **address(spec.key, NAMES)},
    )
    return governed.replace_attributes(freshness_policy=DAILY) if layer.group == "reports" else governed


def with_code(definitions: dg.Definitions) -> dg.Definitions:
    """Return definitions whose assets refer to the lines of their code."""
    return dg.Definitions(
        assets=dg.with_source_code_references(list(definitions.assets or ())),
        asset_checks=definitions.asset_checks,
        jobs=definitions.jobs,
        sensors=definitions.sensors,
        schedules=definitions.schedules,
    )


def address(key: dg.AssetKey, names: Names) -> dict[str, str]:
    """Return the URI of an asset in the bucket, and for a Delta table its name in Spark SQL; empty for other assets."""
    match key.path:
        case ["raw", entity]:
            return {"dagster/uri": names.uri(f"{TOPICS_PREFIX}{names.topic(entity_named(entity))}/")}
        case ["raw_stream", entity]:
            return {"dagster/uri": names.uri(f"{STREAMS_PREFIX}{names.stream(entity_named(entity))}/")}
        case ["reports", "page"]:
            return {"dagster/uri": names.uri(PAGE_KEY)}
        case ["cleaned", entity]:
            uri = names.cleaned_uri(entity_named(entity))
        case ["cleaned_stream", entity]:
            uri = names.cleaned_stream_uri(entity_named(entity))
        case ["reports", report] if report in REPORT_KEYS:
            uri = names.report_uri(report)
        case _:
            return {}
    return {"dagster/uri": uri, "dagster/relation_identifier": f"delta.`{uri}`"}
