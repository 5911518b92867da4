"""What a run does, without Dagster: one module per verb."""
