"""The reports and their page."""
