"""What runs inside the process of a task; nothing of the workspace is imported here."""
