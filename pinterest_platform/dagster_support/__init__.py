"""Dagster-aware helpers that the layers of `defs` share: policy, failures, metadata."""
