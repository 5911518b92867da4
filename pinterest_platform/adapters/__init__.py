"""Adapters: one module for each outside system."""
