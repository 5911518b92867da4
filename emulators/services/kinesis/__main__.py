"""`python -m emulators.services.kinesis`: serve on 127.0.0.1 until a signal asks to stop."""

import argparse
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn

from emulators.failures import EmulatorFailure
from emulators.services.kinesis.app import build
from emulators.services.kinesis.core import open_core
from emulators.services.kinesis.options import Options

_HOST = "127.0.0.1"


def options(arguments: list[str]) -> Options:
    """The settings of a command line; a wrong one ends the process with one line of usage and one that says why."""
    defaults = Options(Path())
    parser = argparse.ArgumentParser("python -m emulators.services.kinesis", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the database")
    parser.add_argument(
        "--port", type=_at_least(0), default=defaults.port, help="port on 127.0.0.1; 0 takes a free one"
    )
    parser.add_argument("--region", default=defaults.region, help="region in ARNs")
    parser.add_argument("--transition-ms", type=_at_least(0), default=defaults.transition_ms, metavar="MS",
                        help="how long streams are CREATING, UPDATING, DELETING")  # fmt: skip
    parser.add_argument("--iterator-seconds", type=_at_least(1), default=defaults.iterator_seconds, metavar="S",
                        help="how long shard iterators and page tokens live")  # fmt: skip
    parser.add_argument("--record-kib", type=_at_least(1024, 10240), default=defaults.record_kib, metavar="KIB",
                        help="largest record, where CreateStream does not say")  # fmt: skip
    parser.add_argument("--shard-limit", type=_at_least(1), default=defaults.shard_limit, help="open shards in all")
    parser.add_argument("--throughput-limits", action="store_true", help="hold the service's limits per shard")
    parser.add_argument("--controls", action="store_true", help="let tests POST /_faults and /_clock")
    parser.add_argument("--sweep-seconds", type=float, default=defaults.sweep_seconds, metavar="S",
                        help="how often what retention took is removed from disk")  # fmt: skip
    return Options(**vars(parser.parse_args(arguments)))


def main(arguments: list[str]) -> None:
    """Serve."""
    settings = options(arguments)
    try:
        listener = _listen(settings.port)
        app = build(open_core(settings))
    except EmulatorFailure as failure:
        sys.exit(f"kinesis: {failure}")
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        # Longer than clients keep an idle connection, so that they are never surprised by its end.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    # For a signal that comes before uvicorn looks after them, and for the one that it raises again once it has stopped.
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, lambda *_: setattr(server, "should_exit", True))
    print(f"kinesis: http://{_HOST}:{listener.getsockname()[1]}", flush=True)
    server.run(sockets=[listener])


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except (OSError, OverflowError) as error:
        raise EmulatorFailure(f"Port {port} cannot be taken: {error}.", "Free it, or choose another --port.") from None
    listener.listen(2048)
    return listener


def _at_least(least: int, most: int = 2**31) -> Callable[[str], int]:
    """A whole number within bounds, for argparse."""

    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not from {least} to {most}")
        return value

    return number


if __name__ == "__main__":
    main(sys.argv[1:])
