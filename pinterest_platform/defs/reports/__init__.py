"""The nine reports and their page."""
