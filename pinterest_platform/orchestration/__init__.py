"""Helpers that know Dagster: policy, failures, runs."""
