"""Capacity beyond one machine: computed from measured rates per core, the services' documented limits, and prices."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks import _publication
from benchmarks._results import Measurement

DAY_SECONDS = 86_400
HOURS_PER_MONTH = 730
DAYS_PER_MONTH = 30
MB, GB, MIB = 10**6, 10**9, 1024**2
VOLUMES = {"1 M": 10**6, "100 M": 10**8, "1 billion": 10**9}
"""Posts per day."""
_UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Stream:
    """The average bytes of one record of an entity, envelope included, as the generator makes them."""

    entity: str
    bytes: int


STREAMS = (Stream("pin", 763), Stream("geo", 169), Stream("user", 158))


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that a service documents, and the document."""

    value: float
    text: str


KAFKA_PARTITION_MB = Limit(
    10, "Kafka documents no limit of a partition. 10 MB/s is a common planning figure for records below 1 KB."
)
MSK_BROKER_MB = Limit(
    15.6, "MSK Express, express.m7g.large: 15.6 MB/s of sustained ingress per broker (MSK Developer Guide, quotas)."
)
SHARD_MB = Limit(1, "A Kinesis shard accepts 1 MB/s (Kinesis Data Streams Developer Guide, quotas and limits).")
SHARD_RECORDS = Limit(
    1_000, "A Kinesis shard accepts 1,000 records/s (same page). It is read with 2 MB/s in 5 calls/s."
)
SHARDS_OF_ACCOUNT = Limit(
    500, "Shards per account in us-east-1 without an increase: 500 on older accounts, more on newer ones (same page)."
)
PREFIX_PUTS = Limit(
    3_500, "S3 answers at least 3,500 PUT, COPY, POST or DELETE requests/s per prefix (S3 User Guide, performance)."
)
PREFIX_GETS = Limit(5_500, "S3 answers at least 5,500 GET or HEAD requests/s per prefix (same page).")
API_REQUESTS = Limit(10_000, "API Gateway throttles an account at 10,000 requests/s per region (API Gateway quotas).")
LIMITS = (
    KAFKA_PARTITION_MB, MSK_BROKER_MB, SHARD_MB, SHARD_RECORDS, SHARDS_OF_ACCOUNT, PREFIX_PUTS, PREFIX_GETS,
    API_REQUESTS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Price:
    """A list price in US dollars."""

    dollars: float
    per: str


SHARD_HOUR = Price(0.015, "Kinesis shard and hour")
PUT_UNIT = Price(0.014 / 10**6, "Kinesis record of up to 25 KB")
BROKER_HOUR = Price(0.408, "MSK broker express.m7g.large and hour")
BROKER_GB = Price(0.01, "GB written to MSK Express")
BROKER_GB_MONTH = Price(0.10, "GB and month kept in MSK Express")
S3_PUT = Price(0.005 / 1000, "S3 PUT or LIST request")
S3_GET = Price(0.0004 / 1000, "S3 GET or HEAD request")
S3_GB_MONTH = Price(0.023, "GB and month in S3 Standard")
CORE_HOUR = Price(0.0504, "core and hour: half of an EC2 m7i.large")
API_REQUEST = Price(3.50 / 10**6, "API Gateway REST request; less beyond 333 M a month")
PRICES = (
    SHARD_HOUR, PUT_UNIT, BROKER_HOUR, BROKER_GB, BROKER_GB_MONTH, S3_PUT, S3_GET, S3_GB_MONTH, CORE_HOUR, API_REQUEST
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The choices of the model; each is a line of the page.

    Attributes:
        peak: the busiest hour's rate divided by the day's average.
        records_per_request: records that a client posts in one request.
        object_bytes: the maximum size of a landed object.
        drain_seconds: the time between two micro-batches of a drain.
        requests_per_object: GET and HEAD requests for a landed object: a manifest, reads for cleaning and audit.
        batch_hours: the hours in which the daily batch lands and cleans a day.
        kafka_retention_days: the days that Kafka keeps records.
        raw_days: the days that landed objects are kept.
        brokers: the fewest brokers of a cluster.
        partitions: the fewest partitions of a topic, and the fewest shards of a stream.
    """

    peak: float = 3.0
    records_per_request: int = 500
    object_bytes: int = 64 * MIB
    drain_seconds: float = 2.0
    requests_per_object: int = 4
    batch_hours: float = 1.0
    kafka_retention_days: int = 7
    raw_days: int = 30
    brokers: int = 3
    partitions: int = 3


@dataclass(frozen=True, slots=True)
class Rates:
    """Measured records per second and core; None if the results lack them."""

    landing: float | None = None
    cleaning: float | None = None
    draining: float | None = None


def rates(measurements: Sequence[Measurement], cores: int) -> Rates:
    """Return the rates that results of `make bench` show.

    Args:
        measurements: the results.
        cores: the cores of their machine; a build and a drain use all, landing one partition uses one.
    """

    def per_core(beginning: str, used: int) -> float | None:
        matching = [each for each in measurements if each.work.startswith(beginning) and each.records]
        return max(((each.records or 0) / each.ours_s / used for each in matching), default=None)

    return Rates(
        per_core("landing, one partition", 1), per_core("full build", cores), per_core("landed and cleaned", cores)
    )


@dataclass(frozen=True, slots=True)
class Capacity:
    """The resources for a number of posts per day.

    Attributes:
        posts: posts per day.
        rates: the rates per core.
        assume: the choices of the model.
    """

    posts: int
    rates: Rates = Rates()
    assume: Assumptions = Assumptions()

    @property
    def records_per_second(self) -> float:
        """Records of all streams in the busiest hour."""
        return len(STREAMS) * self.posts / DAY_SECONDS * self.assume.peak

    @property
    def bytes_per_day(self) -> int:
        """Bytes of all streams."""
        return self.posts * sum(stream.bytes for stream in STREAMS)

    @property
    def mb_per_second(self) -> float:
        """Megabytes of all streams in the busiest hour."""
        return self.bytes_per_day / DAY_SECONDS * self.assume.peak / MB

    @property
    def partitions(self) -> int:
        """Kafka partitions of all topics; one core lands a partition."""
        rate = self.rates.landing or math.inf
        return self._units(lambda records, mb: max(mb / KAFKA_PARTITION_MB.value, records / rate))

    @property
    def brokers(self) -> int:
        """MSK brokers."""
        return max(self.assume.brokers, math.ceil(self.mb_per_second / MSK_BROKER_MB.value))

    @property
    def shards(self) -> int:
        """Kinesis shards of all streams."""
        return self._units(lambda records, mb: max(records / SHARD_RECORDS.value, mb / SHARD_MB.value))

    @property
    def objects_per_day(self) -> int:
        """Landed objects of a route that is landed once a day."""
        return sum(
            max(self.assume.partitions, math.ceil(self.posts * stream.bytes / self.assume.object_bytes))
            for stream in STREAMS
        )

    @property
    def drained_objects_per_day(self) -> int:
        """Objects that an uninterrupted drain lands: one per shard and micro-batch."""
        return round(self.shards * DAY_SECONDS / self.assume.drain_seconds)

    @property
    def puts_per_second(self) -> float:
        """PUT requests of an uninterrupted drain: an object per shard and micro-batch, a commit per table."""
        return (self.shards + len(STREAMS)) / self.assume.drain_seconds

    @property
    def api_requests_per_second(self) -> float:
        """Requests of the clients in the busiest hour."""
        return self.records_per_second / self.assume.records_per_request

    @property
    def landing_cores(self) -> int | None:
        """Cores that land the busiest hour."""
        return _cores(self.records_per_second, self.rates.landing)

    @property
    def cleaning_cores(self) -> int | None:
        """Cores that clean a day within the hours of the batch."""
        records = len(STREAMS) * self.posts / (self.assume.batch_hours * 3600)
        return _cores(records, self.rates.cleaning)

    @property
    def drain_cores(self) -> int | None:
        """Cores that land and clean the busiest hour as it arrives."""
        return _cores(self.records_per_second, self.rates.draining)

    def kinesis_dollars(self) -> float:
        """Dollars per month for shards and records."""
        records = len(STREAMS) * self.posts * DAYS_PER_MONTH
        return self.shards * HOURS_PER_MONTH * SHARD_HOUR.dollars + records * PUT_UNIT.dollars

    def kafka_dollars(self) -> float:
        """Dollars per month for brokers, written and kept bytes."""
        gb_per_day = self.bytes_per_day / GB
        return (
            self.brokers * HOURS_PER_MONTH * BROKER_HOUR.dollars
            + gb_per_day * DAYS_PER_MONTH * BROKER_GB.dollars
            + gb_per_day * self.assume.kafka_retention_days * BROKER_GB_MONTH.dollars
        )

    def batch_s3_dollars(self) -> float:
        """Dollars per month for landed objects and their requests, landed once a day."""
        return self._kept_dollars() + self._request_dollars(self.objects_per_day)

    def drain_s3_dollars(self) -> float:
        """Dollars per month for landed objects and their requests, with an uninterrupted drain."""
        return self._kept_dollars() + self._request_dollars(self.drained_objects_per_day)

    def api_dollars(self) -> float:
        """Dollars per month for the clients' requests."""
        requests = len(STREAMS) * self.posts / self.assume.records_per_request
        return requests * DAYS_PER_MONTH * API_REQUEST.dollars

    def batch_core_dollars(self) -> float | None:
        """Dollars per month for the cores of the daily batch, for its hours alone."""
        if self.cleaning_cores is None or self.landing_cores is None:
            return None
        hours = self.assume.batch_hours * DAYS_PER_MONTH
        return max(self.cleaning_cores, self.landing_cores) * hours * CORE_HOUR.dollars

    def drain_core_dollars(self) -> float | None:
        """Dollars per month for the cores of an uninterrupted drain."""
        return None if self.drain_cores is None else self.drain_cores * HOURS_PER_MONTH * CORE_HOUR.dollars

    def _units(self, needed: Callable[[float, float], float]) -> int:
        """Partitions or shards of all streams, each with its own records and megabytes per second."""
        records = self.posts / DAY_SECONDS * self.assume.peak
        return sum(
            max(self.assume.partitions, math.ceil(needed(records, records * stream.bytes / MB))) for stream in STREAMS
        )

    def _kept_dollars(self) -> float:
        return self.bytes_per_day / GB * self.assume.raw_days * S3_GB_MONTH.dollars

    def _request_dollars(self, objects: int) -> float:
        request = S3_PUT.dollars + self.assume.requests_per_object * S3_GET.dollars
        return objects * DAYS_PER_MONTH * request


def _cores(records_per_second: float, rate: float | None) -> int | None:
    return None if rate is None else math.ceil(records_per_second / rate)


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
        ("landed objects per day, batch route", lambda c: f"{c.objects_per_day:,}"),
        ("landed objects per day, drain, before merging", lambda c: f"{c.drained_objects_per_day:,}"),
        ("S3 PUT requests per second, drain", lambda c: f"{c.puts_per_second:,.0f}"),
        ("cores that land the busiest hour", lambda c: _count(c.landing_cores)),
        ("cores that clean a day in an hour", lambda c: _count(c.cleaning_cores)),
        ("cores of the drain", lambda c: _count(c.drain_cores)),
    )
    money: Sequence[tuple[str, Callable[[Capacity], str]]] = (
        ("Kinesis", lambda c: _dollars(c.kinesis_dollars())),
        ("MSK", lambda c: _dollars(c.kafka_dollars())),
        ("S3, batch route", lambda c: _dollars(c.batch_s3_dollars())),
        ("S3, drain before merging", lambda c: _dollars(c.drain_s3_dollars())),
        ("cores, daily batch", lambda c: _dollars(c.batch_core_dollars())),
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
                *(f"| {_price(each.dollars)} | {each.per} |" for each in PRICES),
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
    steps = {"landing": per_core.landing, "cleaning and reports": per_core.cleaning, "drain": per_core.draining}
    texts = ", ".join(f"{name} {'not measured' if rate is None else f'{rate:,.0f}'}" for name, rate in steps.items())
    return f"Records per second and core, {results.date}, {results.machine}: {texts}."


def _table(head: str, capacities: Mapping[str, Capacity], rows: Sequence[tuple[str, Callable[[Capacity], str]]]) -> str:
    lines = [
        f"| {head} | {' | '.join(f'{name} posts' for name in capacities)} |",
        "| --- |" + " ---: |" * len(capacities),
    ]
    lines += [f"| {label} | {' | '.join(show(each) for each in capacities.values())} |" for label, show in rows]
    return "\n".join(lines)


def _count(number: int | None) -> str:
    return _UNKNOWN if number is None else f"{number:,}"


def _dollars(amount: float | None) -> str:
    return _UNKNOWN if amount is None else f"{amount:,.0f}"


def _price(dollars: float) -> str:
    return f"{dollars:.10f}".rstrip("0")


@click.command()
def main() -> None:
    """Write docs/scaling.md from docs/benchmarks.json, the limits and the prices of this module."""
    click.echo(f"wrote {publish()}")


if __name__ == "__main__":
    main()
