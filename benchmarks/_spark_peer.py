"""The peer of the streaming benchmark: Spark Structured Streaming from Kafka to Delta, on local JVM Spark.

It runs as a separate program, because its classic session cannot share a process with Spark Connect sessions.
"""

import os
import sys
from pathlib import Path

from emulators.services import jars
from pinterest_platform.catalog import ENTITIES
from pinterest_platform.engines.jvm import java
from pinterest_platform.settings import Settings

PACKAGES = "org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0,io.delta:delta-spark_4.2_2.13:4.4.0"


def command(settings: Settings, folder: Path) -> list[str]:
    """Return the peer's command line; it reads the topics of a user and writes one table per entity into a folder."""
    return [sys.executable, "-m", "benchmarks._spark_peer", settings.kafka_bootstrap_servers, settings.user_id,
            str(folder)]  # fmt: skip


def environment(folder: Path) -> dict[str, str]:
    """Return the peer's environment; raises PermanentFailure if there is no Java that Spark supports."""
    home = java.home(os.environ.get("JAVA_HOME"))
    return {**os.environ, "JAVA_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(folder)}


def main(bootstrap: str, user: str, folder: str) -> None:
    """Append records until the process is ended: one query per topic, each batch right after the previous one."""
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as F  # noqa: N812

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars.packages", PACKAGES)
        .config("spark.jars.ivy", str(jars.cache().parent / "spark-ivy"))
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        # For two cores: the defaults split each small step, even Delta's reading of its log, into 50 or 200 tasks.
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.databricks.delta.snapshotPartitions", "2")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    for entity in ENTITIES:
        fields = ", ".join(f"`{name}` string" for name in entity.field_names)
        read = spark.readStream.format("kafka").option("kafka.bootstrap.servers", bootstrap)
        values = read.option("subscribe", f"{user}.{entity.name}").option("startingOffsets", "earliest").load()
        posted = values.select(F.from_json(F.col("value").cast("string"), fields).alias("post"), "timestamp")
        row = posted.select(F.expr(f"CAST(post.`{entity.key_field}` AS BIGINT)").alias("ind"), "post", "timestamp")
        table = f"{folder}/{entity.name}"
        row.writeStream.format("delta").option("checkpointLocation", f"{table}-checkpoint").start(table)
    spark.streams.awaitAnyTermination()


if __name__ == "__main__":
    main(*sys.argv[1:])
