"""Spark on a local JVM, behind a Spark Connect server."""
