"""`python -m emulators post`: post rows of the source database to the platform."""

import sys
from collections.abc import Callable, Mapping
from typing import Literal

import click

from emulators import environment
from emulators.console import echo
from emulators.home import Home
from emulators.posting.delivery import RetryPolicy
from emulators.posting.kafka import KafkaRoute
from emulators.posting.kinesis import KinesisRoute
from emulators.posting.poster import Pace
from emulators.posting.routes import Route
from emulators.posting.run import Run
from emulators.posting.source import PAGE_ROWS, PostSource
from emulators.source_db.database import FILL_HOME, FIX_OWN, open_existing

_ROUTES: Mapping[str, Callable[[str, str, str], Route]] = {"kafka": KafkaRoute, "kinesis": KinesisRoute}
"""Constructors of the routes; arguments: the gateway's URL, its key and the user id."""
DEFAULT_SEED = 100


@click.command()
@click.option(
    "--route",
    type=click.Choice([*_ROUTES, "both"]),
    default="kafka",
    show_default=True,
    help="Route into the platform.",
)
@click.option("--rows", type=click.IntRange(min=1), help="Number of rows to post, drawn at random with repeats.")
@click.option("--every-row", "mode", flag_value="every", help="Post every row once, in order.")
@click.option("--forever", "mode", flag_value="forever", help="Post random rows until stopped.")
@click.option("--growing", is_flag=True, help="With --forever: add and change rows of the home's database meanwhile.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Most posts per second.")
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="The same seed draws the same rows.")
@click.option(
    "--per-request", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Most records per request."
)
@click.option(
    "--concurrency", type=click.IntRange(1, 512), help="Concurrent requests (default: 32, fewer for large ones)."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=15.0,
    show_default=True,
    help="Time-out of a request in seconds.",
)
@click.option(
    "--retry-for",
    "retry_seconds",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    help="Seconds for which a failing request is retried.",
)
@click.option("--database", metavar="URL", help="Any SQLAlchemy URL (default: the home's source database).")
@click.option("--home", metavar="DIR", help="The home; else PINTEREST_HOME, else .platform.")
def post(
    route: str,
    rows: int | None,
    mode: Literal["every", "forever"] | None,
    growing: bool,
    rate: float | None,
    seed: int,
    per_request: int,
    concurrency: int | None,
    timeout: float,
    retry_seconds: float,
    database: str | None,
    home: str | None,
) -> None:
    """Post the pin, geo and user row of one index after the other.

    The exit code is 0 if every record was accepted, 1 if one was not, and 130 or 143 after Ctrl-C or SIGTERM. With
    --forever, a signal is the normal end: the exit code is 0 unless a record was not accepted.

    \f
    One parameter per option, as click requires.
    """
    if (rows is not None) + (mode is not None) != 1:
        raise click.UsageError("Choose how much to post: one of --rows N, --every-row and --forever.")
    if growing and (mode != "forever" or database is not None):
        raise click.UsageError("--growing changes the home's database: use it with --forever, without --database.")
    variable = environment.lookup(home)
    gateway = (variable("PINTEREST_API_URL"), variable("PINTEREST_API_KEY"), variable("PINTEREST_USER_ID"))
    routes = [make(*gateway) for name, make in _ROUTES.items() if route in (name, "both")]
    advice = FIX_OWN if database else FILL_HOME
    engine = open_existing(database or Home.find(home).database_url, advice)
    try:
        source = PostSource(engine, advice)
        total = source.rows if mode == "every" else rows
        run = Run(
            routes,
            Pace(rate, per_request, concurrency or _concurrency(per_request)),
            RetryPolicy(timeout, retry_seconds),
            total,
        )
        # A slow poster reads one second ahead, so that it posts the current rows of the database.
        page = PAGE_ROWS if rate is None else max(1, min(PAGE_ROWS, int(rate)))
        if growing:
            pages = source.growing_posts(seed, page)
        else:
            pages = source.every_post() if mode == "every" else source.random_posts(seed, rows, page)
        run.post(pages)
    finally:
        engine.dispose()
    for line in run.summary():
        echo(line)
    if run.failure is not None:
        raise run.failure
    sys.exit(run.exit_code)


def _concurrency(per_request: int) -> int:
    """Return the default concurrency: fewer requests if each is large, so that batches are full."""
    return max(4, min(32, 320 // per_request))
