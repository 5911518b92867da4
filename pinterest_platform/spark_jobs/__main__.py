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
@click.option("--remote", metavar="URL", help="A Spark Connect address, sc://…; without it the embedded engine runs.")
@click.option(
    "--session",
    "whose",
    type=click.Choice(["own", "runtime"]),
    default="own",
    help="`runtime`: run in the session of the place itself (a cluster's, or SPARK_REMOTE's), and leave it running.",
)
def main(job: str, parameters: str, remote: str | None, whose: str) -> None:
    """Run JOB with PARAMETERS, a JSON object."""
    try:
        document = json.loads(parameters)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"no JSON: {error}", param_hint="PARAMETERS") from None
    if not isinstance(document, dict):
        raise click.BadParameter("no JSON object", param_hint="PARAMETERS")
    if remote is not None and whose == "runtime":
        raise click.UsageError(
            "--remote names a server, and --session runtime says not to choose one: give one of them"
        )
    try:
        with runtime() if whose == "runtime" else session(remote) as spark:
            result = execute(spark, job, document, lambda line: click.echo(line, err=True))
    except PlatformFailure as failure:
        click.echo(f"{job}: {failure}", err=True)
        sys.exit(1)
    click.echo(json.dumps(result))


if __name__ == "__main__":
    main()
