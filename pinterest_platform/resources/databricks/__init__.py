"""The engine that runs Spark jobs on Databricks, as one-time runs that report by Dagster Pipes."""

from pinterest_platform.resources.databricks.engine import DatabricksEngine

__all__ = ["DatabricksEngine"]
