"""Imports for the server that forks runs: the first Dagster instance imports for two seconds, and leaves nothing."""

import dagster as dg

with dg.DagsterInstance.ephemeral():
    pass
