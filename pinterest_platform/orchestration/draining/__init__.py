"""Drain runs: when a sensor requests one, and what a run reports."""
