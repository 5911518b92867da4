"""The verbs of a run, without Dagster: one module each."""
