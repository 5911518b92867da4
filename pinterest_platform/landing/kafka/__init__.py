"""The Kafka wing of landing: topics and partitions."""
