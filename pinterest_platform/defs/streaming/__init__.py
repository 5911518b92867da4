"""Draining runs, one job a route, and the sensors that request them."""
