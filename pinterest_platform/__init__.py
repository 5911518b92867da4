"""A Dagster asset-graph data platform: Kafka to S3 to Delta to reports, landed exactly once."""
