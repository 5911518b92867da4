"""Tests of defs/reports."""
