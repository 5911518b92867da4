"""Benchmarks: each measures a peer in the same run and prints the ratio."""
