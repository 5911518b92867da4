"""The conservation ledger: it accounts for every offset once, and names the range of any difference (rule L20)."""

import dagster as dg

from pinterest_platform.catalog import ENTITIES, Route
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.ledger import CLEANED_CHECK, LANDED_CHECK, ledger_result
from pinterest_platform.pipelines.audit import kafka_ledgers
from pinterest_platform.ports import Lake, ObjectStore, TopicLog
from pinterest_platform.settings import Settings

LEDGER = dg.AssetKey(["ledger", "conservation"])


@dg.asset(
    key=LEDGER,
    deps=[dg.AssetKey([layer, entity.name]) for layer in ("raw", "cleaned") for entity in ENTITIES],
    check_specs=[
        dg.AssetCheckSpec(
            LANDED_CHECK,
            asset=LEDGER,
            description="Landed range = records + quarantined + gaps + accepted gaps.",
        ),
        dg.AssetCheckSpec(
            CLEANED_CHECK,
            asset=LEDGER,
            description="The tables' positions cover every landed object, and nothing after them.",
        ),
    ],
    description="Accounts for every offset of every partition: in an object, in quarantine, or a gap.",
)
def conservation(
    settings: dg.ResourceParam[Settings],
    topics: dg.ResourceParam[TopicLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> dg.MaterializeResult:
    """Account for the offsets of all topics."""
    with as_dagster_failure(LEDGER.to_user_string()):
        ledgers = kafka_ledgers(settings, topics, objects)
        places = [settings.names.places(entity, Route.KAFKA) for entity in ENTITIES]
        positions = {place.source: lake.positions(place.table_uri) or {} for place in places}
        return ledger_result(ledgers, positions)
