"""The source database: three SQLAlchemy tables, generated from a seed or loaded from files (rules S1 and S10)."""
