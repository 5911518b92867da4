"""The process of a command: its exit code, Ctrl-C, and readers that close the pipe."""

import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

INTERRUPTED = 130
"""The exit code after Ctrl-C, as of a shell."""


def run() -> NoReturn:
    """Run the command of this process, then exit at once: threads of deltalake can crash a normal exit."""
    # The imports take a second: Ctrl-C during them ends the process with the same exit code as later.
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from pinterest_platform.cli import app  # noqa: F401

    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = exit_code(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        # A stream that was closed before the start is None; what cannot be written has been reported.
        with suppress(OSError, AttributeError):
            stream.flush()
    os._exit(code)


def exit_code(arguments: Sequence[str], connect: object = None) -> int:
    """Run a command and return its exit code; the reason of a failure is printed on stderr.

    Args:
        arguments: the command and its arguments.
        connect: function from the settings to the `Platform` that the command reads; the real one by default.
    """
    import click

    from pinterest_platform.cli.app import main
    from pinterest_platform.failures import PlatformFailure

    try:
        code = main.main(list(arguments), prog_name="pinterest", standalone_mode=False, obj=connect)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except PlatformFailure as failure:
        click.echo(f"Error: {failure}", err=True)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        target = error.filename or "the output"
        click.echo(f"Error: Cannot write {target}: {error.strerror}. Free disk space, then retry.", err=True)
        return 1
    except SystemExit as end:
        code = end.code
    return code if isinstance(code, int) else 0
