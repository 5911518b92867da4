"""The tables and objects of the lake."""

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Lake, TableFacts


def table_facts(lake: Lake, uri: str) -> TableFacts:
    """What a table's log says of it; raises PermanentFailure where there is no table."""
    facts = lake.facts(uri)
    if facts is None:
        raise PermanentFailure(f"There is no Delta table at {uri}.", "Materialize the asset that makes it first.")
    return facts
