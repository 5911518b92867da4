"""Posting the rows of the source tables over the platform's routes (rules E1 to E7)."""
