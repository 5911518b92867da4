"""An emulated Databricks workspace: the REST API that `databricks-sdk` calls; its runs are real processes on Sail.

It runs as `python -m emulators.services.databricks --data DIR --port PORT --token-file FILE`. Runs, clusters and files
survive restarts. It has no notebooks, no saved jobs, no permissions except its one token, and one volume of Unity
Catalog.
"""
