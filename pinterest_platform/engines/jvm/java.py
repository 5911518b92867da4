"""The Java installation that Spark runs on."""

import re
import shutil
import subprocess
from pathlib import Path

from pinterest_platform.failures import PermanentFailure

VERSIONS = (17, 21)
"""The versions that Spark 4.2 supports."""

_ACTION = "Install Java 17 or 21 and set JAVA_HOME to it, or set PINTEREST_SPARK_ENGINE=sail, which needs no Java."


def home(java_home: str | None) -> Path:
    """Return the folder of a supported Java.

    Args:
        java_home: the folder to check; None for that of `java` on the PATH.

    Raises:
        PermanentFailure: there is no Java, or its version is not supported.
    """
    program = shutil.which("java") if java_home is None else str(Path(java_home) / "bin" / "java")
    if program is None:
        raise PermanentFailure("PINTEREST_SPARK_ENGINE is spark, but there is no `java` on the PATH.", _ACTION)
    feature = version(program)
    if feature not in VERSIONS:
        problem = f"is Java {feature}" if feature else "does not run as Java"
        raise PermanentFailure(f"PINTEREST_SPARK_ENGINE is spark, but {program} {problem}.", _ACTION)
    return Path(program).resolve().parent.parent if java_home is None else Path(java_home)


def version(program: str) -> int | None:
    """Return the feature version of a `java`, such as 17; None if it does not run."""
    try:
        process = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    numbers = re.search(r'version "(?:1\.)?(\d+)', process.stderr + process.stdout)
    return int(numbers[1]) if numbers and process.returncode == 0 else None
