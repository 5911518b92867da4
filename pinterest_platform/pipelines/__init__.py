"""What a run does, without Dagster: one module for each verb."""
