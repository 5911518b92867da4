"""The resources for a volume of posts: from measured rates per core, the services' documented limits, and prices."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks._limits import (
    API_REQUEST,
    BROKER_GB,
    BROKER_GB_MONTH,
    BROKER_HOUR,
    CORE_HOUR,
    KAFKA_PARTITION_MB,
    MSK_BROKER_MB,
    PUT_UNIT,
    S3_GB_MONTH,
    S3_GET,
    S3_PUT,
    SHARD_HOUR,
    SHARD_MB,
    SHARD_RECORDS,
)
from benchmarks._results import Measurement

DAY_SECONDS = 86_400
HOURS_PER_MONTH = 730
DAYS_PER_MONTH = 30
MB, GB, MIB = 10**6, 10**9, 1024**2


@dataclass(frozen=True, slots=True)
class Stream:
    """The average bytes of one record of an entity, envelope included, as the generator makes them."""

    entity: str
    bytes: int


STREAMS = (Stream("pin", 763), Stream("geo", 169), Stream("user", 158))


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The choices of the model; each is a line of the page.

    Attributes:
        peak: the busiest hour's rate divided by the day's average.
        records_per_request: records that a client posts in one request.
        object_bytes: the maximum size of a landed object.
        drain_seconds: the time between two micro-batches of a drain.
        requests_per_object: GET and HEAD requests for a landed object: a manifest, reads for cleaning and audit.
        batch_hours: the hours in which the daily batch lands a day, and then cleans it.
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
    updating: float | None = None


def rates(measurements: Sequence[Measurement], cores: int) -> Rates:
    """Return the rates that results of `make bench` show, those of the largest run of each kind of work.

    Args:
        measurements: the results.
        cores: the cores of their machine; a build and a drain use all, landing one partition uses one.
    """

    def per_core(used: int, *beginnings: str) -> float | None:
        matching = [
            (measurement.records, measurement.ours_s)
            for measurement in measurements
            if measurement.work.startswith(beginnings) and measurement.records
        ]
        if not matching:
            return None
        records, seconds = max(matching)
        return records / seconds / used

    return Rates(
        per_core(1, "landing, one partition"),
        per_core(cores, "full build", "growth"),
        per_core(cores, "landed and cleaned"),
        per_core(cores, "one per cent more"),
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
        """Kafka partitions of all topics; one core lands a partition, in the busiest hour and in each batch."""
        rate = self.rates.landing or math.inf
        batch_cores = max(self.batch_cores or 0, self.later_batch_cores or 0) / len(STREAMS)
        return self._units(lambda records, mb: max(mb / KAFKA_PARTITION_MB.value, records / rate, batch_cores))

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
    def landing_hours(self) -> float | None:
        """Hours in which one core lands a day."""
        rate = self.rates.landing
        return None if rate is None else len(STREAMS) * self.posts / rate / 3600

    @property
    def batch_cores(self) -> int | None:
        """Cores that land a day and then clean it within the hours of the batch."""
        return self._batch_cores(self.rates.cleaning)

    @property
    def later_batch_cores(self) -> int | None:
        """The same for a day that is one per cent of its table: most files of the table are written again."""
        return self._batch_cores(self.rates.updating)

    @property
    def drain_cores(self) -> int | None:
        """Cores that land and clean the busiest hour as it arrives."""
        return _cores(self.records_per_second, self.rates.draining)

    def kinesis_dollars(self) -> float:
        """Return the dollars per month for shards and records."""
        records = len(STREAMS) * self.posts * DAYS_PER_MONTH
        return self.shards * HOURS_PER_MONTH * SHARD_HOUR.dollars + records * PUT_UNIT.dollars

    def kafka_dollars(self) -> float:
        """Return the dollars per month for brokers, written and kept bytes."""
        gb_per_day = self.bytes_per_day / GB
        return (
            self.brokers * HOURS_PER_MONTH * BROKER_HOUR.dollars
            + gb_per_day * DAYS_PER_MONTH * BROKER_GB.dollars
            + gb_per_day * self.assume.kafka_retention_days * BROKER_GB_MONTH.dollars
        )

    def batch_s3_dollars(self) -> float:
        """Return the dollars per month for landed objects and their requests, landed once a day."""
        return self._kept_dollars() + self._request_dollars(self.objects_per_day)

    def drain_s3_dollars(self) -> float:
        """Return the dollars per month for landed objects and their requests, with an uninterrupted drain."""
        return self._kept_dollars() + self._request_dollars(self.drained_objects_per_day)

    def api_dollars(self) -> float:
        """Return the dollars per month for the clients' requests."""
        requests = len(STREAMS) * self.posts / self.assume.records_per_request
        return requests * DAYS_PER_MONTH * API_REQUEST.dollars

    def batch_core_dollars(self) -> float | None:
        """Return the dollars per month for the cores of the daily batch into a filled table, for its hours only."""
        hours = self.assume.batch_hours * DAYS_PER_MONTH
        return None if self.later_batch_cores is None else self.later_batch_cores * hours * CORE_HOUR.dollars

    def drain_core_dollars(self) -> float | None:
        """Return the dollars per month for the cores of an uninterrupted drain."""
        return None if self.drain_cores is None else self.drain_cores * HOURS_PER_MONTH * CORE_HOUR.dollars

    def _units(self, needed: Callable[[float, float], float]) -> int:
        """Return the partitions or shards of all streams, each with its own records and megabytes per second."""
        records = self.posts / DAY_SECONDS * self.assume.peak
        return sum(
            max(self.assume.partitions, math.ceil(needed(records, records * stream.bytes / MB))) for stream in STREAMS
        )

    def _batch_cores(self, cleaning: float | None) -> int | None:
        if self.rates.landing is None or cleaning is None:
            return None
        records = len(STREAMS) * self.posts
        core_seconds = records / self.rates.landing + records / cleaning
        return math.ceil(core_seconds / (self.assume.batch_hours * 3600))

    def _kept_dollars(self) -> float:
        return self.bytes_per_day / GB * self.assume.raw_days * S3_GB_MONTH.dollars

    def _request_dollars(self, objects: int) -> float:
        request = S3_PUT.dollars + self.assume.requests_per_object * S3_GET.dollars
        return objects * DAYS_PER_MONTH * request


def _cores(records_per_second: float, rate: float | None) -> int | None:
    return None if rate is None else math.ceil(records_per_second / rate)
