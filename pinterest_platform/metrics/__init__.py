"""Metrics for Prometheus, read from the platform's sources at scrape time; nothing is kept up to date in between."""
