"""The Dagster context that a run reports to: the current step's, or that of a job made for the purpose."""

import logging
from collections.abc import Callable
from typing import TypeVar

import dagster as dg

T = TypeVar("T")


def in_dagster(work: Callable[[dg.OpExecutionContext], T]) -> T:
    """Do work in the context of the current step; outside of one, in a job of its own that leaves no trace."""
    try:
        context = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return _in_a_job(work)
    return work(context)


def tell_assets(context: dg.OpExecutionContext, name: str, address: str) -> None:
    """Put an address on each materialization that the step makes; the steps of ops and of checks alone make none."""
    if context.has_assets_def:
        for key in context.selected_asset_keys:
            dg.AssetExecutionContext(context).add_asset_metadata({name: _address(address)}, key)


def _address(text: str) -> dg.MetadataValue:
    return dg.MetadataValue.url(text) if text.startswith("http") else dg.MetadataValue.text(text)


def _in_a_job(work: Callable[[dg.OpExecutionContext], T]) -> T:
    done: list[T] = []

    @dg.op
    def spark_job(context: dg.OpExecutionContext) -> None:
        done.append(work(context))

    @dg.logger
    def silent(_: dg.InitLoggerContext) -> logging.Logger:
        quiet = logging.getLogger(__name__)
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        return quiet

    @dg.graph
    def alone() -> None:
        spark_job()

    job = alone.to_job(name="databricks_spark_job", logger_defs={"silent": silent})
    job.execute_in_process(run_config={"loggers": {"silent": {}}})
    return done[0]
