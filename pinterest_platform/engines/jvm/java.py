"""Finding a Java that Spark runs on."""

import re
import shutil
import subprocess
from pathlib import Path

from pinterest_platform.failures import PermanentFailure

VERSIONS = (17, 21)
"""What Spark 4.2 is made for; others lack modules that it opens, or close them."""

_ACTION = "Install Java 17 or 21 and set JAVA_HOME to it, or set PINTEREST_SPARK_ENGINE=sail, which needs none."


def home(java_home: str | None) -> Path:
    """The folder of a fitting Java.

    Args:
        java_home: where it should be; None for that of `java` on the PATH.

    Raises:
        PermanentFailure: there is none, or one of another version.
    """
    program = shutil.which("java") if java_home is None else str(Path(java_home) / "bin" / "java")
    if program is None:
        raise PermanentFailure("PINTEREST_SPARK_ENGINE is spark, and there is no `java` on the PATH.", _ACTION)
    found = version(program)
    if found not in VERSIONS:
        what = f"is Java {found}" if found else "is no Java that runs"
        raise PermanentFailure(f"PINTEREST_SPARK_ENGINE is spark, and {program} {what}.", _ACTION)
    return Path(program).resolve().parent.parent if java_home is None else Path(java_home)


def version(program: str) -> int | None:
    """The feature version of a `java`, such as 17; None where it does not tell."""
    try:
        told = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    numbers = re.search(r'version "(?:1\.)?(\d+)', told.stderr + told.stdout)
    return int(numbers[1]) if numbers and told.returncode == 0 else None
