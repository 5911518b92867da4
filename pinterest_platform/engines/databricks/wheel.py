"""The wheel that a run on Databricks installs: this package and the requirements of its jobs.

It is built from the installed package without a build backend, and equal code gives equal bytes.
"""

import base64
import hashlib
import re
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from io import BytesIO
from pathlib import Path

from pinterest_platform.failures import PermanentFailure

PACKAGE = "pinterest_platform"
ENTRY_POINT = "databricks-job"
"""The entry point that a run calls. A prebuilt wheel needs it too."""

_ENTRY_POINTS = f"[console_scripts]\n{ENTRY_POINT} = {PACKAGE}.spark_jobs.databricks_main:main\n"
_REQUIRED = ("deltalake", "tenacity")
"""The packages that the jobs import and a runtime lacks. Spark, Arrow and grpc must stay those of the runtime."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel: file name, name of the distribution, content."""

    name: str
    distribution: str
    body: bytes

    @property
    def digest(self) -> str:
        """Return an identifier of the content."""
        return hashlib.sha256(self.body).hexdigest()[:16]


def prebuilt(path: str) -> Wheel:
    """Return a prebuilt wheel.

    Raises:
        PermanentFailure: it cannot be read, or has no entry point for the run.
    """
    file = Path(path)
    try:
        body = file.read_bytes()
        with zipfile.ZipFile(BytesIO(body)) as archive:
            files = [name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt")]
            entry_points = "".join(archive.read(name).decode() for name in files)
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise PermanentFailure(
            f"The wheel {path} of PINTEREST_DATABRICKS_WHEEL cannot be read: {error}.",
            "Build it again, or unset the variable: the platform then builds a wheel of itself.",
        ) from None
    if not re.search(rf"^{ENTRY_POINT}\s*=", entry_points, re.MULTILINE):
        raise PermanentFailure(
            f"The wheel {path} of PINTEREST_DATABRICKS_WHEEL has no entry point {ENTRY_POINT}.",
            f"Build it with the lines {_ENTRY_POINTS!r} in its entry_points.txt, or unset the variable.",
        )
    return Wheel(file.name, file.name.partition("-")[0], body)


@cache
def build() -> Wheel:
    """Return the wheel of this package."""
    root = Path(__file__).parents[2]
    files = {
        f"{PACKAGE}/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }
    required = requirements()
    content = hashlib.sha256("\n".join(required).encode())
    for name, body in files.items():
        content.update(name.encode() + b"\0" + hashlib.sha256(body).digest())
    # Each content has its own version, so that a cluster replaces an installed wheel with another content.
    version = f"{_base_version()}+{content.hexdigest()[:12]}"
    info = f"{PACKAGE}-{version}.dist-info"
    files[f"{info}/METADATA"] = _metadata(version, required)
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: pinterest_platform\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/entry_points.txt"] = _ENTRY_POINTS.encode()
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    return Wheel(f"{PACKAGE}-{version}-py3-none-any.whl", PACKAGE, _zip(files))


def requirements() -> tuple[str, ...]:
    """Return the requirements of the wheel, with the version limits of the project."""
    declared = [line for line in metadata.requires("pinterest-platform") or () if "extra ==" not in line]
    required = [line for line in declared if re.split(r"[^A-Za-z0-9_.-]", line)[0] in _REQUIRED]
    return (f"dagster-pipes=={metadata.version('dagster-pipes')}", *sorted(required))


def _base_version() -> str:
    return metadata.version("pinterest-platform").partition("+")[0]


def _metadata(version: str, required: tuple[str, ...]) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {PACKAGE}", f"Version: {version}", "Requires-Python: >=3.11"]
    return "\n".join([*lines, *(f"Requires-Dist: {requirement}" for requirement in required), ""]).encode()


def _record(files: dict[str, bytes], own_name: str) -> bytes:
    def line(name: str, body: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(body)}"

    return "\n".join([*(line(name, body) for name, body in files.items()), f"{own_name},,", ""]).encode()


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr, info.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, body)
    return buffer.getvalue()
