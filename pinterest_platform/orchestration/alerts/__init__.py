"""Alerts (rules D5 and D15): incidents of runs and of sensors, and their delivery."""
