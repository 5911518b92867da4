"""The Databricks workspace, by way of the real SDK."""
