"""The streams that posts arrive in: external assets, observed and never materialized."""
