"""The engine that runs Spark jobs on Databricks, as one-time runs that report by Dagster Pipes."""

from pinterest_platform.engines.databricks.engine import DatabricksEngine

__all__ = ["DatabricksEngine"]
