"""The services: one file or folder each, told as data in `registry`."""
