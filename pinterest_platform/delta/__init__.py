"""Delta tables read and committed without an engine: positions, replacement, compaction, maintenance, key lookup."""
