"""Alerts (rules D5 and D15): incidents of runs, sensors and limits, and their delivery."""
