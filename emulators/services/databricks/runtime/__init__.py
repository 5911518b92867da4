"""Code that runs in the process of a task; it imports nothing of the workspace."""
