"""`python -m benchmarks [NAME …]`: run benchmarks one after the other, in a home of their own that goes with them."""

import pkgutil
import subprocess
import sys
import tempfile

import benchmarks


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; 1 if one of them failed, 2 if there is none of a name."""
    known = sorted(found.name for found in pkgutil.iter_modules(benchmarks.__path__) if not found.name.startswith("_"))
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}: there are {', '.join(known)}", file=sys.stderr)
        return 2
    python = sys.executable
    failed = False
    with tempfile.TemporaryDirectory(prefix="pinterest-bench-") as home:
        for name in names or known:
            print(f"== {name}", flush=True)
            command = [python, "-m", "emulators", "exec", "--home", home, "--", python, "-m", f"benchmarks.{name}"]
            failed |= subprocess.run(command, check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
