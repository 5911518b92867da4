"""Dagster results: metadata and checks of a run."""
