"""Where posts are read from: three SQLAlchemy tables, generated from a seed or loaded from files (SPEC 1)."""
