"""The command line of the platform, `pinterest`: one file per command."""
