"""`python -m emulators.services.kinesis`: serve on 127.0.0.1 until a signal to stop."""

import argparse
import sys
from pathlib import Path

from emulators.failures import EmulatorFailure
from emulators.services.http_guard import Guard
from emulators.services.kinesis.app import build
from emulators.services.kinesis.core import open_core
from emulators.services.kinesis.options import Options
from emulators.services.web import listen, serve_on, whole_number


def options(arguments: list[str]) -> Options:
    """Return the settings of a command line; a wrong one ends the process with its usage and the reason."""
    defaults = Options(Path())
    parser = argparse.ArgumentParser("python -m emulators.services.kinesis", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the database")
    parser.add_argument(
        "--port", type=whole_number(0), default=defaults.port, help="port on 127.0.0.1; 0 chooses a free one"
    )
    parser.add_argument("--region", default=defaults.region, help="region in ARNs")
    parser.add_argument("--transition-ms", type=whole_number(0), default=defaults.transition_ms, metavar="MS",
                        help="time in the states CREATING, UPDATING, DELETING")  # fmt: skip
    parser.add_argument("--iterator-seconds", type=whole_number(1), default=defaults.iterator_seconds, metavar="S",
                        help="lifetime of shard iterators and page tokens")  # fmt: skip
    parser.add_argument("--record-kib", type=whole_number(1024, 10240), default=defaults.record_kib, metavar="KIB",
                        help="largest record, unless CreateStream sets it")  # fmt: skip
    parser.add_argument(
        "--shard-limit", type=whole_number(1), default=defaults.shard_limit, help="open shards of all streams"
    )
    parser.add_argument("--throughput-limits", action="store_true", help="enforce the service's limits per shard")
    parser.add_argument("--controls", action="store_true", help="enable POST /_faults and /_clock for tests")
    parser.add_argument("--sweep-seconds", type=float, default=defaults.sweep_seconds, metavar="S",
                        help="interval at which expired records are removed from disk")  # fmt: skip
    return Options(**vars(parser.parse_args(arguments)))


def main(arguments: list[str]) -> None:
    """Serve the API until a signal ends it."""
    settings = options(arguments)
    try:
        listener = listen(settings.port)
        app = build(open_core(settings))
    except EmulatorFailure as failure:
        sys.exit(f"kinesis: {failure}")
    serve_on(listener, Guard(app), "kinesis")


if __name__ == "__main__":
    main(sys.argv[1:])
