"""The services: one file or folder each, listed in `registry`."""
