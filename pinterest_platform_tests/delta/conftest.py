"""The engine that these tests share."""

from pinterest_platform_tests.spark_fixtures import spark

__all__ = ["spark"]
