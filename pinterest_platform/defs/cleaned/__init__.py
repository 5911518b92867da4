"""The cleaned Delta tables, one row per key."""
