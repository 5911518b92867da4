"""What was landed in S3, exactly once."""
