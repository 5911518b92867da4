"""The table that an engine could not read, of an error whose text may not name it."""

from collections.abc import Sequence

from pyspark.sql import SparkSession

from pinterest_platform.delta.errors import known_problem
from pinterest_platform.spark_jobs.engine_errors import engine_errors, error_text
from pinterest_platform.spark_jobs.frames import load_delta


def unusable_table(spark: SparkSession, uris: Sequence[str], text: str) -> str:
    """Return the table of an error with a known problem; empty if it is unknown.

    Args:
        spark: the session, which opens each table again if the text names the path of none.
        uris: the tables that the job reads.
        text: the text of the error.
    """
    return next((uri for uri in uris if _path(uri) in text), "") or next(
        (uri for uri in uris if _has_problem(spark, uri, text)), ""
    )


def _path(uri: str) -> str:
    """Return the path of a table as engines name it: without the bucket and the first slash."""
    _, is_remote, path = uri.partition("://")
    return f"{path.partition('/')[2] if is_remote else uri.strip('/')}/"


def _has_problem(spark: SparkSession, uri: str, text: str) -> bool:
    try:
        load_delta(spark, uri).schema  # noqa: B018
    except engine_errors() as error:
        return known_problem(error_text(error)) == known_problem(text)
    return False
