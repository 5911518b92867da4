"""Drain runs: when a sensor requests one, and how it reports."""
