"""The wheel that runs on Databricks get."""

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


def test_it_asks_for_what_a_runtime_lacks_and_for_no_spark() -> None:
    needs = [line.partition(": ")[2] for line in text("METADATA").splitlines() if line.startswith("Requires-Dist")]
    assert [need.partition("=")[0].partition(">")[0] for need in needs] == ["dagster-pipes", "deltalake", "tenacity"]


def test_its_record_holds_for_every_file() -> None:
    with opened() as archive:
        told = {name: (digest, size) for name, digest, size in csv.reader(text("RECORD").splitlines())}
        assert set(told) == set(archive.namelist())
        for name, (digest, size) in told.items():
            if not name.endswith("RECORD"):
                body = archive.read(name)
                found = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
                assert (digest, size) == (f"sha256={found}", str(len(body))), name


def test_its_entry_runs_where_nothing_of_the_orchestration_is_installed(tmp_path: Path) -> None:
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
    told = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0, told.stderr
    assert "run python -m pinterest_platform.spark_jobs" in told.stdout


def test_a_prebuilt_wheel_is_taken_as_it_is(tmp_path: Path) -> None:
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
def test_what_is_no_wheel_is_refused(body: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "x.whl"
    if body is not None:
        file.write_bytes(body)
    with pytest.raises(PermanentFailure, match="no readable wheel"):
        wheel.prebuilt(str(file))
