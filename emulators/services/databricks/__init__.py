"""A Databricks workspace of our own: the REST API that `databricks-sdk` calls; its runs are real processes on Sail.

It runs as `python -m emulators.services.databricks --data DIR --port PORT --token-file FILE`. Runs, clusters and files
survive restarts. It has no notebooks, no saved jobs, no permissions beyond its one token, and of Unity
Catalog one volume.
"""
