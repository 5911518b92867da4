"""The Dagster context that a run reports to: that of the current step, or of a temporary job."""

import logging
from collections.abc import Callable
from typing import TypeVar

import dagster as dg

T = TypeVar("T")


def with_step_context(call: Callable[[dg.OpExecutionContext], T]) -> T:
    """Call with the context of the current step; outside of a step, with that of a temporary job."""
    try:
        context = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return _in_temporary_job(call)
    return call(context)


def add_asset_metadata(context: dg.OpExecutionContext, name: str, address: str) -> None:
    """Add an address to each materialization of the step; steps of ops and of checks have none."""
    if context.has_assets_def:
        for key in context.selected_asset_keys:
            dg.AssetExecutionContext(context).add_asset_metadata({name: _metadata(address)}, key)


def _metadata(text: str) -> dg.MetadataValue:
    return dg.MetadataValue.url(text) if text.startswith("http") else dg.MetadataValue.text(text)


def _in_temporary_job(call: Callable[[dg.OpExecutionContext], T]) -> T:
    results: list[T] = []

    @dg.op
    def spark_job(context: dg.OpExecutionContext) -> None:
        results.append(call(context))

    @dg.logger
    def silent(_: dg.InitLoggerContext) -> logging.Logger:
        quiet = logging.getLogger(__name__)
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        return quiet

    @dg.graph
    def single_op() -> None:
        spark_job()

    job = single_op.to_job(name="databricks_spark_job", logger_defs={"silent": silent})
    job.execute_in_process(run_config={"loggers": {"silent": {}}})
    return results[0]
