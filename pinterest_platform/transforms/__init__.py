"""Pure functions from DataFrame to DataFrame: no session, no IO, no clock."""
