"""The wheel that runs on Databricks install."""

import base64
import csv
import hashlib
import subprocess
import sys
import sysconfig
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from pinterest_platform.engines.databricks import wheel
from pinterest_platform.failures import PermanentFailure

ORCHESTRATION = ("dagster", "boto3", "requests", "confluent_kafka", "pydantic", "databricks", "orjson")


def opened() -> zipfile.ZipFile:
    return zipfile.ZipFile(BytesIO(wheel.build().body))


def text(ending: str) -> str:
    with opened() as archive:
        [name] = [name for name in archive.namelist() if name.endswith(ending)]
        return archive.read(name).decode()


def test_the_same_code_gives_the_same_bytes() -> None:
    first = wheel.build()
    wheel.build.cache_clear()
    assert wheel.build() == first


def test_it_requires_the_packages_that_a_runtime_lacks_and_not_spark() -> None:
    requirements = [
        line.partition(": ")[2] for line in text("METADATA").splitlines() if line.startswith("Requires-Dist")
    ]
    assert [need.partition("=")[0].partition(">")[0] for need in requirements] == [
        "dagster-pipes",
        "deltalake",
        "tenacity",
    ]


def test_its_record_is_correct_for_every_file() -> None:
    with opened() as archive:
        record = {name: (digest, size) for name, digest, size in csv.reader(text("RECORD").splitlines())}
        assert set(record) == set(archive.namelist())
        for name, (digest, size) in record.items():
            if not name.endswith("RECORD"):
                body = archive.read(name)
                expected = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
                assert (digest, size) == (f"sha256={expected}", str(len(body))), name


def test_its_entry_point_runs_without_the_packages_of_the_orchestration(tmp_path: Path) -> None:
    file = tmp_path / wheel.build().name
    file.write_bytes(wheel.build().body)
    code = f"""
import sys
sys.path[:0] = [{str(file)!r}, {sysconfig.get_path("purelib")!r}]
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ORCHESTRATION!r}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from importlib.metadata import distributions
[found] = distributions(path=[{str(file)!r}])
[point] = [point for point in found.entry_points if point.name == "databricks-job"]
main = point.load()
assert {str(file)!r} in sys.modules["pinterest_platform"].__file__
from pinterest_platform.spark_jobs import JOBS
from importlib import import_module
for job in JOBS.values():
    import_module(job.module)
try:
    main()
except Exception as error:
    print(error)
"""
    process = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert process.returncode == 0, process.stderr
    assert "run python -m pinterest_platform.spark_jobs" in process.stdout


def test_a_prebuilt_wheel_is_used_unchanged(tmp_path: Path) -> None:
    file = tmp_path / wheel.build().name
    file.write_bytes(wheel.build().body)
    assert wheel.prebuilt(str(file)) == wheel.build()


def test_a_prebuilt_wheel_without_the_entry_point_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("other-1.0.dist-info/entry_points.txt", "[console_scripts]\nother = other:main\n")
    with pytest.raises(PermanentFailure, match="no entry point databricks-job"):
        wheel.prebuilt(str(file))


@pytest.mark.parametrize("body", [None, b"", b"PK no zip"])
def test_a_file_that_is_no_wheel_is_refused(body: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "x.whl"
    if body is not None:
        file.write_bytes(body)
    with pytest.raises(PermanentFailure, match="cannot be read"):
        wheel.prebuilt(str(file))
