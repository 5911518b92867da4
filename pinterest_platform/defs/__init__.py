"""The asset graph, one folder per layer; Dagster loads all of it, and the folders meet by AssetKey alone."""
