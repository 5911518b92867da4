"""The Kinesis wing of landing: streams and shards."""
