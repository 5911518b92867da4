"""Delta tables without an engine: positions, conflicts, compaction, maintenance, key lookup."""
