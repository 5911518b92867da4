"""`python -m benchmarks [NAME … [OPTIONS]]`: run benchmarks, and publish their results."""

import sys
import tempfile
from pathlib import Path

from benchmarks import _publication, _suite

_USAGE = """\
Usage: python -m benchmarks                   run all, print one table, write the results into docs/
       python -m benchmarks --slow            the same, with a build of 10 M posts: 25 GB of disk below TMPDIR
       python -m benchmarks NAME [OPTIONS]    run one; OPTIONS are its own, see NAME --help
       python -m benchmarks NAME NAME …       run several and print one table
       python -m benchmarks publish           write docs/benchmarks.md and its chart from docs/benchmarks.json
       python -m benchmarks scaling           write docs/scaling.md from docs/benchmarks.json

Every benchmark has --json FILE. The full build:
       python -m benchmarks full_build --rows 1000000 --json FILE [--engine sail|connect]
"""


def main(arguments: list[str]) -> int:
    """Run what the arguments name; returns 1 if a benchmark failed, 2 if an argument is wrong."""
    names = [*_leading_names(arguments)]
    options = arguments[len(names) :]
    if not names and options not in ([], ["--slow"]):
        print(_USAGE + "\nBenchmarks:\n" + _listing())
        return 0 if options in (["--help"], ["-h"]) else 2
    if names in (["publish"], ["scaling"]):
        return _publish(names[0])
    if unknown := [name for name in names if name not in _suite.BY_NAME]:
        print(f"There is no benchmark {', '.join(unknown)}. Use one of {', '.join(_suite.BY_NAME)}.", file=sys.stderr)
        return 2
    if len(names) == 1:
        with tempfile.TemporaryDirectory(prefix="pinterest-bench-", ignore_cleanup_errors=True) as home:
            return _suite.run(_suite.BY_NAME[names[0]], options, Path(home))
    if names and options:
        print("Options belong to one benchmark. Name that one alone.", file=sys.stderr)
        return 2
    return _run_several(names, slow=bool(options))


def _run_several(names: list[str], *, slow: bool) -> int:
    benchmarks = [_suite.BY_NAME[name] for name in names] or _suite.BENCHMARKS
    measurements, failed = _suite.run_suite(benchmarks, slow=slow)
    print(_publication.text_table(measurements))
    if failed:
        print(f"Failed: {', '.join(failed)}. The results in docs/ were not changed.", file=sys.stderr)
    elif not names:
        _publication.save(measurements)
        _publish("publish")
        _publish("scaling")
    return int(bool(failed))


def _publish(name: str) -> int:
    from benchmarks import scaling

    pages = [scaling.publish()] if name == "scaling" else _publication.publish()
    print("wrote " + ", ".join(str(page) for page in pages))
    return 0


def _leading_names(arguments: list[str]) -> list[str]:
    options = [index for index, argument in enumerate(arguments) if argument.startswith("-")]
    return arguments[: options[0]] if options else arguments


def _listing() -> str:
    return "\n".join(
        f"  {benchmark.name:<18} {benchmark.summary}; peer: {benchmark.peer}" for benchmark in _suite.BENCHMARKS
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
