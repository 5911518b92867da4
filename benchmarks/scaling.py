"""Capacity beyond one machine: the computed sections of docs/scaling.md."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from benchmarks import _publication
from benchmarks._capacity import GB, Capacity, Rates, rates
from benchmarks._limits import LIMITS, PRICES

VOLUMES = {"1 M": 10**6, "100 M": 10**8, "1 billion": 10**9}
"""Posts per day."""

_UNKNOWN = "not measured"


def page(capacities: Mapping[str, Capacity]) -> Mapping[str, str]:
    """Return the sections of `docs/scaling.md` by name."""
    rows: Sequence[tuple[str, Callable[[Capacity], str]]] = (
        ("records per second, busiest hour", lambda c: f"{c.records_per_second:,.0f}"),
        ("MB per second, busiest hour", lambda c: f"{c.mb_per_second:,.2f}"),
        ("GB per day", lambda c: f"{c.bytes_per_day / GB:,.1f}"),
        ("Kafka partitions, three topics", lambda c: f"{c.partitions:,}"),
        ("MSK brokers", lambda c: f"{c.brokers:,}"),
        ("Kinesis shards, three streams", lambda c: f"{c.shards:,}"),
        ("API requests per second, busiest hour", lambda c: f"{c.api_requests_per_second:,.1f}"),
        ("landed objects per day, drain", lambda c: f"{c.drained_objects_per_day:,}"),
        ("the same after merging, or of the batch route", lambda c: f"{c.objects_per_day:,}"),
        ("S3 PUT requests per second, drain", lambda c: f"{c.puts_per_second:,.0f}"),
        ("cores that land the busiest hour", lambda c: _count(c.landing_cores)),
        ("hours in which one core lands a day", lambda c: _hours(c.landing_hours)),
        ("cores that land and clean the first day in an hour", lambda c: _count(c.batch_cores)),
        ("the same for a day that is 1 % of its table", lambda c: _count(c.later_batch_cores)),
        ("cores of the drain", lambda c: _count(c.drain_cores)),
    )
    money: Sequence[tuple[str, Callable[[Capacity], str]]] = (
        ("Kinesis", lambda c: _dollars(c.kinesis_dollars())),
        ("MSK", lambda c: _dollars(c.kafka_dollars())),
        ("S3, batch route", lambda c: _dollars(c.batch_s3_dollars())),
        ("S3, drain before merging", lambda c: _dollars(c.drain_s3_dollars())),
        ("cores, daily batch of 1 % of its table", lambda c: _dollars(c.batch_core_dollars())),
        ("cores, drain", lambda c: _dollars(c.drain_core_dollars())),
        ("API Gateway, 500 records per request", lambda c: _dollars(c.api_dollars())),
    )
    return {
        "capacity": _table("per day", capacities, rows),
        "money": _table("dollars per month", capacities, money),
        "limits": "\n".join(f"- {limit.text}" for limit in LIMITS),
        "prices": "\n".join(
            [
                "| price in dollars | per |",
                "| ---: | --- |",
                *(f"| {_price(price.dollars)} | {price.per} |" for price in PRICES),
            ]
        ),
    }


def publish(docs: Path = _publication.DOCS) -> Path:
    """Write the computed sections into `scaling.md`, with the rates of the saved results if there are any."""
    results = _publication.load(docs)
    per_core = Rates() if results is None else rates(results.measurements, results.cores)
    sections = dict(page({name: Capacity(posts, per_core) for name, posts in VOLUMES.items()}))
    sections["rates"] = _rates_text(per_core, results)
    path = docs / "scaling.md"
    for name, text in sections.items():
        _publication.replace_section(path, name, text)
    return path


def _rates_text(per_core: Rates, results: _publication.Results | None) -> str:
    if results is None:
        return "No rates yet: run `make bench` on an idle machine."
    steps = {
        "landing": per_core.landing,
        "first cleaning and reports": per_core.cleaning,
        "the same of one per cent more": per_core.updating,
        "drain": per_core.draining,
    }
    texts = ", ".join(f"{name} {'not measured' if rate is None else f'{rate:,.0f}'}" for name, rate in steps.items())
    return f"Records per second and core, {results.date}, {results.machine}: {texts}."


def _table(head: str, capacities: Mapping[str, Capacity], rows: Sequence[tuple[str, Callable[[Capacity], str]]]) -> str:
    lines = [
        f"| {head} | {' | '.join(f'{name} posts' for name in capacities)} |",
        "| --- |" + " ---: |" * len(capacities),
    ]
    lines += [f"| {label} | {' | '.join(show(capacity) for capacity in capacities.values())} |" for label, show in rows]
    return "\n".join(lines)


def _count(number: int | None) -> str:
    return _UNKNOWN if number is None else f"{number:,}"


def _hours(hours: float | None) -> str:
    return _UNKNOWN if hours is None else f"{hours:,.2f}"


def _dollars(amount: float | None) -> str:
    return _UNKNOWN if amount is None else f"{amount:,.0f}"


def _price(dollars: float) -> str:
    return f"{dollars:.10f}".rstrip("0")


@click.command()
def main() -> None:
    """Write docs/scaling.md from docs/benchmarks.json, the limits and the prices of `_limits.py`."""
    click.echo(f"wrote {publish()}")


if __name__ == "__main__":
    main()
