"""The entry point of a Spark job on Databricks, in place of `python -m pinterest_platform.spark_jobs`.

Dagster Pipes carries job and parameters in, and progress and outcome out. The session is the runtime's own.
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
"""The start of the line on stdout that repeats the outcome, for readers that can no longer read the messages."""

_SECONDS_BETWEEN_CHUNKS = 1


def main() -> None:
    """Run the job that Pipes names.

    Raises:
        PlatformFailure: the job's own failure, after it was reported, so that the Databricks run fails and shows it.
    """
    # DBFS and volumes are both mounted, so the folder is a path that the job can read.
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
    """Return a failure as an outcome."""
    kind = "transient" if isinstance(failure, TransientFailure) else "permanent"
    return {"failure": {"kind": kind, "what": failure.what, "action": failure.action}}


def result_of(outcome: Json) -> Json:
    """Return the result of a job from its outcome.

    Raises:
        PlatformFailure: the job's own failure, transient or permanent as it was.
    """
    if "failure" in outcome:
        failure = outcome["failure"]
        kind = TransientFailure if failure["kind"] == "transient" else PermanentFailure
        raise kind(failure["what"], failure["action"])
    return outcome["result"]


def _outcome(pipes: PipesContext) -> tuple[PlatformFailure | None, Json]:
    try:
        with sessions.runtime() as spark:
            result = execute(spark, pipes.get_extra("job"), pipes.get_extra("parameters"), pipes.log.info)
        return None, {"result": result}
    except PlatformFailure as failure:
        return failure, outcome_of(failure)


def _params_loader() -> PipesParamsLoader:
    """Return the loader of the parameters, which are in the arguments or in a new cluster's environment."""
    for loader in (PipesCliArgsParamsLoader(), PipesEnvVarParamsLoader()):
        if loader.is_dagster_pipes_process():
            return loader
    raise DagsterPipesError(
        "The platform starts this module as a Databricks job. To run a job yourself, "
        "run python -m pinterest_platform.spark_jobs."
    )


if __name__ == "__main__":
    sys.exit(main())
