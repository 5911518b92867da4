"""Posting the rows of the source tables over the platform's routes."""
