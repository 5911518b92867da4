"""The entry of a Spark job on Databricks: what `python -m pinterest_platform.spark_jobs` is elsewhere.

Job and parameters come, and progress and outcome go, by Dagster Pipes; the session is the runtime's own.
"""

import json
import sys

from dagster_pipes import (
    DagsterPipesError,
    PipesCliArgsParamsLoader,
    PipesContext,
    PipesDefaultContextLoader,
    PipesEnvVarParamsLoader,
    PipesParamsLoader,
    PipesUnityCatalogVolumesMessageWriter,
    open_dagster_pipes,
)

from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.ports import Json
from pinterest_platform.spark_jobs import execute, sessions

OUTCOME_LINE = "pinterest_platform outcome: "
"""How the line on stdout begins that repeats the outcome, for whoever can no longer read the messages."""

_SECONDS_BETWEEN_CHUNKS = 1


def main() -> None:
    """Run the job that Pipes names.

    Raises:
        PlatformFailure: the job's own, after it was reported, so that the run fails and shows it.
    """
    # Both paths, of DBFS and of volumes, are mounted: the folder is given as the job sees it.
    with open_dagster_pipes(
        params_loader=_params_loader(),
        context_loader=PipesDefaultContextLoader(),
        message_writer=PipesUnityCatalogVolumesMessageWriter(interval=_SECONDS_BETWEEN_CHUNKS),
    ) as pipes:
        failure, outcome = _outcome(pipes)
        pipes.report_custom_message(outcome)
    print(f"{OUTCOME_LINE}{json.dumps(outcome)}", flush=True)
    if failure is not None:
        raise failure


def outcome_of(failure: PlatformFailure) -> Json:
    """A failure, as it crosses to the side of Dagster."""
    kind = "transient" if isinstance(failure, TransientFailure) else "permanent"
    return {"failure": {"kind": kind, "what": failure.what, "action": failure.action}}


def result_of(outcome: Json) -> Json:
    """What a job returned, by its outcome.

    Raises:
        PlatformFailure: the job's own failure, of the same kind.
    """
    if "failure" in outcome:
        told = outcome["failure"]
        kind = TransientFailure if told["kind"] == "transient" else PermanentFailure
        raise kind(told["what"], told["action"])
    return outcome["result"]


def _outcome(pipes: PipesContext) -> tuple[PlatformFailure | None, Json]:
    try:
        with sessions.runtime() as spark:
            result = execute(spark, pipes.get_extra("job"), pipes.get_extra("parameters"), pipes.log.info)
        return None, {"result": result}
    except PlatformFailure as failure:
        return failure, outcome_of(failure)


def _params_loader() -> PipesParamsLoader:
    """Where dagster-databricks put the parameters: arguments, or a new cluster's environment."""
    for loader in (PipesCliArgsParamsLoader(), PipesEnvVarParamsLoader()):
        if loader.is_dagster_pipes_process():
            return loader
    raise DagsterPipesError(
        "This is started by the platform as a Databricks job; by hand, run python -m pinterest_platform.spark_jobs."
    )


if __name__ == "__main__":
    sys.exit(main())
