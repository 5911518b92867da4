"""Posting the source tables' rows over the platform's routes, as the users of the original did (SPEC 4)."""
