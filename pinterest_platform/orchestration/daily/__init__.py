"""The daily run: when it is requested, retried, abandoned and reported."""
