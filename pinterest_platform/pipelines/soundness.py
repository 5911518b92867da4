"""Soundness: the current version of a cleaned table must pass its blocking checks before anything uses it (rule D9)."""

import json
from collections.abc import Mapping, Sequence

from pinterest_platform.catalog import CHECKS_PREFIX, Entity, Route
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure, joined
from pinterest_platform.messages import counted
from pinterest_platform.pipelines.audit import inspect
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.layers import CLEANED_LAYERS
from pinterest_platform.ports import ObjectStore, Progress, TableFacts
from pinterest_platform.spark_jobs.parameters import VerifyResult

_CREATED_BY: Mapping[Route, str] = {
    Route.KAFKA: "Run the job batch_pipeline: it lands and cleans the records that create this table.",
    Route.KINESIS: "Run the job streaming_pipeline: it lands and cleans the records that create this table.",
}
_REBUILT_BY: Mapping[str, str] = {
    "cleaned": "Find what else writes to the table; then run batch_pipeline with full_refresh of cleaned__{}.",
    "cleaned_stream": "Find what else writes to the table; then run streaming_pipeline with full_refresh.",
}
_JOBS: Mapping[str, str] = {"cleaned": "batch_pipeline", "cleaned_stream": "streaming_pipeline"}


def next_step(check: str, layer: str, entity: str) -> str:
    """Return what to do about a cleaned table that fails a blocking check; a rebuild does not change columns."""
    if check == "schema":
        return f"Find what else writes to the table; then move it away, and run {_JOBS[layer]}: it recreates the table."
    return _REBUILT_BY[layer].format(entity)


def failed_checks(table: VerifyResult) -> dict[str, str]:
    """Return the finding of each blocking check that a cleaned table fails, by the check's name."""
    findings: dict[str, str] = {}
    if table.schema_differences:
        findings["schema"] = "; ".join(table.schema_differences)
    if table.duplicate_keys:
        findings["unique_key"] = f"{counted(table.duplicate_keys, 'row')} beyond the first of their key"
    if table.null_keys:
        findings["key_not_null"] = f"{counted(table.null_keys, 'row')} without a key"
    if table.foreign_commits:
        findings["only_platform_commits"] = f"another writer changed rows: {'; '.join(table.foreign_commits)}"
    return findings


def unsound(table: VerifyResult, findings: Mapping[str, str], layer: str, entity: str) -> PermanentFailure:
    """Return the failure of a cleaned table with the findings of blocking checks that it fails."""
    checks = ", ".join(f"check {check} failed: {finding}" for check, finding in findings.items())
    return PermanentFailure(
        f"{layer}/{entity}, version {table.version}: {checks}.", next_step(next(iter(findings)), layer, entity)
    )


def require_sound(lakehouse: Lakehouse, entities: Sequence[Entity], route: Route, progress: Progress) -> None:
    """Require that the current versions of cleaned tables pass their blocking checks.

    A version that was not checked yet is checked now.

    Raises:
        PermanentFailure: a table does not exist, or fails a check; all of them are named.
        TransientFailure: the engine or the store did not respond.
    """
    failures: list[PlatformFailure] = []
    for entity in entities:
        try:
            _require_sound(lakehouse, entity, route, progress)
        except TransientFailure:
            raise
        except PermanentFailure as failure:
            failures.append(failure)
    if failures:
        raise joined(failures)


def inspect_and_record(lakehouse: Lakehouse, entity: Entity, route: Route, progress: Progress) -> VerifyResult:
    """Check schema and keys of a table, and record the result for the version that was checked."""
    table = inspect(entity, route, lakehouse.settings, lakehouse.engine, progress)
    lakehouse.objects.put(_key(entity, route), json.dumps(table.to_json()).encode(), None, "application/json")
    return table


def last_inspection(objects: ObjectStore, entity: Entity, route: Route) -> tuple[VerifyResult, int] | None:
    """Return the last recorded check of a table and its time in ms since the epoch; None if there is none."""
    key = _key(entity, route)
    record = next((stored for stored in objects.list(key) if stored.key == key), None)
    table = _record(objects, key) if record else None
    return (table, record.modified_ms) if record and table else None


def _require_sound(lakehouse: Lakehouse, entity: Entity, route: Route, progress: Progress) -> None:
    name, uri = f"{CLEANED_LAYERS[route]}/{entity.name}", lakehouse.names.places(entity, route).table_uri
    facts = lakehouse.lake.facts(uri)
    if facts is None:
        raise PermanentFailure(f"{name}: there is no Delta table at {uri}.", _CREATED_BY[route])
    table = _recorded(lakehouse.objects, entity, route, facts)
    if table is None:
        progress(f"{name}: checking version {facts.version}, which was not checked yet")
        table = inspect_and_record(lakehouse, entity, route, progress)
    if findings := failed_checks(table):
        raise unsound(table, findings, CLEANED_LAYERS[route], entity.name)


def _recorded(objects: ObjectStore, entity: Entity, route: Route, facts: TableFacts) -> VerifyResult | None:
    """Return the recorded result for this version of a table; None if another version or nothing is recorded."""
    key = _key(entity, route)
    table = None if objects.metadata(key) is None else _record(objects, key)
    if table is None:
        return None
    # A recreated or restored table can have the same version with other rows.
    return table if (table.rows_id, table.version) == (facts.rows_id, facts.version) else None


def _record(objects: ObjectStore, key: str) -> VerifyResult | None:
    """Return a recorded result; None if it is damaged, or of another release: the table is then checked."""
    try:
        return VerifyResult.from_json(json.loads(objects.read(key)))
    except (ValueError, TypeError, AttributeError, PermanentFailure):
        return None


def _key(entity: Entity, route: Route) -> str:
    return f"{CHECKS_PREFIX}{CLEANED_LAYERS[route]}/{entity.name}.json"
