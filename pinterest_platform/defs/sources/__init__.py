"""The streams that others write: external assets, observed and never materialized here."""
