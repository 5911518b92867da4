"""The services' documented limits, and prices."""

from dataclasses import dataclass


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
    3_500, "S3 serves at least 3,500 PUT, COPY, POST or DELETE requests/s per prefix (S3 User Guide, performance)."
)
PREFIX_GETS = Limit(5_500, "S3 serves at least 5,500 GET or HEAD requests/s per prefix (same page).")
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
