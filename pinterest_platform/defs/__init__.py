"""The asset graph, one folder per layer. Dagster loads all of it; the folders meet only by AssetKey."""
