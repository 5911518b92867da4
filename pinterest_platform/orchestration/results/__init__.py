"""Dagster results: metadata and checks of what a run did."""
