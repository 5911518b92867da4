"""Explicit Spark schemas, column orders and sentinels (SPEC 1, 6 and 7); nothing is ever inferred."""

from pyspark.sql.types import (
    ArrayType,
    DataType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from pinterest_platform.catalog import GEO, PIN, USER, Entity, Route

BLANKS = "\t\n\x0b\x0c\r \u00a0"
"""What is trimmed off both ends of a text: TAB LF VT FF CR SPACE U+00A0; written out, as engines differ on `\\s`."""

RAW_FIELDS: dict[Entity, tuple[str, ...]] = {
    PIN: (
        "index", "unique_id", "title", "description", "poster_name", "follower_count", "tag_list",
        "is_image_or_video", "image_src", "downloaded", "save_location", "category",
    ),
    GEO: ("ind", "timestamp", "latitude", "longitude", "country"),
    USER: ("ind", "first_name", "last_name", "age", "date_joined"),
}  # fmt: skip
"""The known fields of a posted record, in source order (SPEC 1)."""

SENTINELS: dict[str, tuple[str, ...]] = {
    "title": ("No Title Data Available",),
    "description": ("No description available Story format", "No description available"),
    "poster_name": ("User Info Error",),
    "follower_count": ("User Info Error",),
    "tag_list": ("N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e",),
    "image_src": ("Image src error.", "Image src error"),
}
"""Texts that mean "no data", in the columns in which they do (SPEC 1)."""

SAVE_LOCATION_PREFIX = "Local save in "

SOURCE_TYPE = StructType(
    [
        StructField("stream", StringType()),
        StructField("partition", IntegerType()),
        StructField("offset", LongType()),
        StructField("arrived_at", TimestampType()),
    ]
)
"""Where a Kafka row came from: topic, partition, offset and append time."""

STREAM_SOURCE_TYPE = StructType(
    [
        StructField("stream", StringType()),
        StructField("shard", StringType()),
        StructField("sequence_number", StringType()),
        StructField("arrived_at", TimestampType()),
    ]
)
"""Where a Kinesis row came from: stream, shard, sequence number (padded, so that it sorts as text) and arrival time."""

POSITION: dict[Route, tuple[str, str]] = {
    Route.KAFKA: ("partition", "offset"),
    Route.KINESIS: ("shard", "sequence_number"),
}
"""What in `_source` tells records of a stream apart, and says which of two that arrived together is the newer one."""


def _columns(*pairs: tuple[str, DataType]) -> StructType:
    return StructType([StructField(name, kind) for name, kind in (*pairs, ("_source", SOURCE_TYPE))])


CLEANED: dict[Entity, StructType] = {
    PIN: _columns(
        ("ind", LongType()),
        ("unique_id", StringType()),
        ("title", StringType()),
        ("description", StringType()),
        ("follower_count", LongType()),
        ("poster_name", StringType()),
        ("tag_list", StringType()),
        ("is_image_or_video", StringType()),
        ("image_src", StringType()),
        ("save_location", StringType()),
        ("category", StringType()),
    ),
    GEO: _columns(
        ("ind", LongType()),
        ("country", StringType()),
        ("coordinates", ArrayType(DoubleType())),
        ("timestamp", TimestampType()),
    ),
    USER: _columns(
        ("ind", LongType()),
        ("user_name", StringType()),
        ("age", LongType()),
        ("date_joined", TimestampType()),
    ),
}
"""The cleaned tables (SPEC 6), all columns nullable, `_source` last."""

CLEANED_STREAM: dict[Entity, StructType] = {
    entity: StructType([*schema.fields[:-1], StructField("_source", STREAM_SOURCE_TYPE)])
    for entity, schema in CLEANED.items()
}
"""The cleaned tables of the Kinesis route: the same but for `_source`."""

REPORTS: dict[str, StructType] = {
    key: StructType([StructField(name, kind) for name, kind in columns])
    for key, columns in {
        "popular_category_by_country": (
            ("country", StringType()), ("category", StringType()), ("category_count", LongType())),
        "posts_by_category_and_year": (
            ("post_year", IntegerType()), ("category", StringType()), ("category_count", LongType())),
        "top_poster_by_country": (
            ("country", StringType()), ("poster_name", StringType()), ("follower_count", LongType())),
        "top_country_by_followers": (("country", StringType()), ("follower_count", LongType())),
        "popular_category_by_age_group": (
            ("age_group", StringType()), ("category", StringType()), ("category_count", LongType())),
        "median_followers_by_age_group": (("age_group", StringType()), ("median_follower_count", DoubleType())),
        "users_joined_by_year": (("join_year", IntegerType()), ("number_users_joined", LongType())),
        "median_followers_by_join_year": (("join_year", IntegerType()), ("median_follower_count", DoubleType())),
        "median_followers_by_join_year_and_age_group": (
            ("age_group", StringType()), ("join_year", IntegerType()), ("median_follower_count", DoubleType())),
    }.items()
}  # fmt: skip
"""The nine report tables (SPEC 7)."""

AGE_GROUPS: tuple[tuple[str, int, int], ...] = (
    ("18-24", 18, 24),
    ("25-35", 25, 35),
    ("36-50", 36, 50),
    ("+50", 51, 130),
)
"""Age groups with their first and last age, in reading order."""


def cleaned_schema(entity: Entity, route: Route = Route.KAFKA) -> StructType:
    """The columns of the table into which an entity's records of a route are cleaned."""
    return CLEANED[entity] if route is Route.KAFKA else CLEANED_STREAM[entity]


def report_columns(key: str) -> list[tuple[str, str]]:
    """A report's columns as (name, type) in order; all but the last one are its key."""
    return [(field.name, field.dataType.simpleString()) for field in REPORTS[key].fields]
