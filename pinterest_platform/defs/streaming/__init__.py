"""Drains, one job per route, their assets and checks, and the sensors that request them."""
