"""Tests of the Databricks workspace through the real SDK."""
