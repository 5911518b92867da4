"""The conservation ledger: nothing is lost, nothing is counted twice, and any difference names its range."""

import dagster as dg

from pinterest_platform.catalog import ENTITIES
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
            description="Broker's end - first landed offset = records + quarantined + gaps + accepted gaps.",
        ),
        dg.AssetCheckSpec(
            CLEANED_CHECK,
            asset=LEDGER,
            description="The tables' positions cover every landed object, and nothing beyond them.",
        ),
    ],
    description="What became of every offset of every partition: in an object, in quarantine, or a gap.",
)
def conservation(
    settings: dg.ResourceParam[Settings],
    topics: dg.ResourceParam[TopicLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> dg.MaterializeResult:
    """Balance the books of all topics."""
    with as_dagster_failure(LEDGER.to_user_string()):
        names = settings.names
        ledgers = kafka_ledgers(settings, topics, objects)
        cleaned = {names.topic(entity): lake.positions(names.cleaned_uri(entity)) or {} for entity in ENTITIES}
        return ledger_result(ledgers, cleaned)
