"""Kafka records landed in S3, exactly once."""
