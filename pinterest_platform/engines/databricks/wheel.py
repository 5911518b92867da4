"""The wheel of the project, as a run on Databricks gets it: this package, with the little that its jobs need.

It is built from the installed package without a build backend, and the same code gives the same bytes.
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
"""The entry point that a run calls; a wheel of one's own has to name it, too."""

_ENTRY_POINTS = f"[console_scripts]\n{ENTRY_POINT} = {PACKAGE}.spark_jobs.databricks_main:main\n"
_LACKING = ("deltalake", "tenacity")
"""What the jobs import and no runtime brings; Spark, Arrow and grpc are the runtime's own, and must stay so."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel: its file name, the distribution's name, its bytes."""

    name: str
    distribution: str
    body: bytes

    @property
    def digest(self) -> str:
        """What tells it from any other wheel."""
        return hashlib.sha256(self.body).hexdigest()[:16]


def prebuilt(path: str) -> Wheel:
    """A wheel that somebody built.

    Raises:
        PermanentFailure: it cannot be read, or holds no entry point for the run.
    """
    file = Path(path)
    try:
        body = file.read_bytes()
        with zipfile.ZipFile(BytesIO(body)) as archive:
            found = [name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt")]
            points = "".join(archive.read(name).decode() for name in found)
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise PermanentFailure(
            f"PINTEREST_DATABRICKS_WHEEL names {path}, which is no readable wheel: {error}.",
            "Build it again, or leave the variable unset: the platform then builds one from itself.",
        ) from None
    if not re.search(rf"^{ENTRY_POINT}\s*=", points, re.MULTILINE):
        raise PermanentFailure(
            f"The wheel {path} of PINTEREST_DATABRICKS_WHEEL has no entry point {ENTRY_POINT}.",
            f"Build it with the lines {_ENTRY_POINTS!r} in its entry_points.txt, or leave the variable unset.",
        )
    return Wheel(file.name, file.name.partition("-")[0], body)


@cache
def build() -> Wheel:
    """The wheel of this very package, pure Python."""
    root = Path(__file__).parents[2]
    files = {
        f"{PACKAGE}/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }
    needs = requirements()
    content = hashlib.sha256("\n".join(needs).encode())
    for name, body in files.items():
        content.update(name.encode() + b"\0" + hashlib.sha256(body).digest())
    # Each content is a version of its own: a cluster that has another one installed replaces it.
    version = f"{_base_version()}+{content.hexdigest()[:12]}"
    info = f"{PACKAGE}-{version}.dist-info"
    files[f"{info}/METADATA"] = _metadata(version, needs)
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: pinterest_platform\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/entry_points.txt"] = _ENTRY_POINTS.encode()
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    return Wheel(f"{PACKAGE}-{version}-py3-none-any.whl", PACKAGE, _zipped(files))


def requirements() -> tuple[str, ...]:
    """What has to be installed beside the wheel, as the project itself requires it."""
    declared = [line for line in metadata.requires("pinterest-platform") or () if "extra ==" not in line]
    wanted = [line for line in declared if re.split(r"[^A-Za-z0-9_.-]", line)[0] in _LACKING]
    return (f"dagster-pipes=={metadata.version('dagster-pipes')}", *sorted(wanted))


def _base_version() -> str:
    return metadata.version("pinterest-platform").partition("+")[0]


def _metadata(version: str, needs: tuple[str, ...]) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {PACKAGE}", f"Version: {version}", "Requires-Python: >=3.11"]
    return "\n".join([*lines, *(f"Requires-Dist: {need}" for need in needs), ""]).encode()


def _record(files: dict[str, bytes], own_name: str) -> bytes:
    def line(name: str, body: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(body)}"

    return "\n".join([*(line(name, body) for name, body in files.items()), f"{own_name},,", ""]).encode()


def _zipped(files: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr, info.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, body)
    return buffer.getvalue()
