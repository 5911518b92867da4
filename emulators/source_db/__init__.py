"""The source database: three SQLAlchemy tables, generated from a seed or loaded from files."""
