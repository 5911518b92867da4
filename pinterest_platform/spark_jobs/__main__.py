"""`python -m pinterest_platform.spark_jobs JOB PARAMETERS`: run one job; its result is one line of JSON on stdout."""

import json
import sys

import click

from pinterest_platform.failures import PlatformFailure
from pinterest_platform.spark_jobs import JOBS, execute
from pinterest_platform.spark_jobs.sessions import runtime, session


@click.command()
@click.argument("job", type=click.Choice(list(JOBS)))
@click.argument("parameters")
@click.option("--remote", metavar="URL", help="A Spark Connect address, sc://…; the embedded engine by default.")
@click.option(
    "--session",
    "session_kind",
    type=click.Choice(["own", "runtime"]),
    default="own",
    help="`runtime`: use the existing session (a cluster's, or SPARK_REMOTE's), and leave it running.",
)
def main(job: str, parameters: str, remote: str | None, session_kind: str) -> None:
    """Run JOB with PARAMETERS, a JSON object."""
    try:
        document = json.loads(parameters)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="PARAMETERS") from None
    if not isinstance(document, dict):
        raise click.BadParameter("not a JSON object", param_hint="PARAMETERS")
    if remote is not None and session_kind == "runtime":
        raise click.UsageError(
            "--remote names a server, but --session runtime uses the existing session: set one of them"
        )
    try:
        with runtime() if session_kind == "runtime" else session(remote) as spark:
            result = execute(spark, job, document, lambda line: click.echo(line, err=True))
    except PlatformFailure as failure:
        click.echo(f"{job}: {failure}", err=True)
        sys.exit(1)
    click.echo(json.dumps(result))


if __name__ == "__main__":
    main()
