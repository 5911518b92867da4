"""`python -m pinterest_platform.cli`, the same as `pinterest`."""

from pinterest_platform.cli.process import run

if __name__ == "__main__":
    run()
