"""The steps of the first run, from the shell's trace."""

from benchmarks.first_run import steps

TRACE = """\
api_gateway is healthy
@105.5 . .ci/tour
@105.5 set -eu
@105.5 python=.venv/bin/python
@106.0 .venv/bin/python -m emulators seed --if-empty
@107.0 .venv/bin/python -m emulators post --route kafka --every-row
posted 3 records
@140.0 echo batch_pipeline: landing
@140.0 .venv/bin/python -W ignore:x -m dagster job execute -m pinterest_platform.definitions -j batch_pipeline
@150.0 .venv/bin/python -m pinterest_platform.cli reports
@152.0 true
"""


def test_each_command_lasts_until_the_next_one_begins() -> None:
    assert steps(TRACE, started=100.0, ended=155.0) == {
        "start the services": 6.0,
        "emulators seed": 1.0,
        "emulators post": 33.0,
        "dagster job execute": 10.0,
        "pinterest_platform.cli reports": 2.0,
        "stop the services": 3.0,
    }
