"""Logs that cannot be read: the failure names the place, and its next step repairs the table."""

import re
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from pinterest_platform.delta.errors import translate_store_errors
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure

CHECKPOINT = f"_delta_log/{2:020d}.checkpoint.parquet"


def write_versions(path: Path, checkpoints: tuple[int, ...] = ()) -> None:
    """Write a table of the versions 0 to 3 with one row each."""
    for version in range(4):
        write_deltalake(path, pa.table({"a": [version]}), mode="append")
        if version in checkpoints:
            DeltaTable(path).create_checkpoint()


def commit(path: Path, version: int) -> Path:
    return path / "_delta_log" / f"{version:020d}.json"


@pytest.mark.parametrize("content", [b"junk", b"x" * 300, b"PAR1" + b"x" * 300 + b"PAR1"])
@pytest.mark.parametrize("checkpoints", [(2,), (0, 2)])
def test_a_damaged_checkpoint_is_named_and_the_table_is_readable_without_it(
    tmp_path: Path, checkpoints: tuple[int, ...], content: bytes
) -> None:
    write_versions(tmp_path, checkpoints)
    if 0 in checkpoints:
        commit(tmp_path, 0).unlink()
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(PermanentFailure) as failure:
        DeltaTables().open(str(tmp_path))
    assert failure.value.what.endswith(f" cannot be used: a file of it is damaged: the checkpoint {CHECKPOINT}.")
    assert failure.value.action.startswith("Delete it and _delta_log/_last_checkpoint, which readers do not need")
    (tmp_path / CHECKPOINT).unlink()
    (tmp_path / "_delta_log/_last_checkpoint").unlink()
    assert DeltaTables().row_count(DeltaTables().existing(str(tmp_path))) == 4


def test_a_damaged_checkpoint_whose_commits_were_deleted_has_to_be_restored(tmp_path: Path) -> None:
    write_versions(tmp_path, (2,))
    commit(tmp_path, 1).unlink()
    (tmp_path / CHECKPOINT).write_bytes(b"junk")
    with pytest.raises(PermanentFailure, match=re.escape(f"the checkpoint {CHECKPOINT}. Restore it, or move the")):
        DeltaTables().open(str(tmp_path))


@pytest.mark.parametrize("checkpoints", [(), (2,)])
def test_a_commit_far_ahead_is_named_with_the_version_before_the_gap(
    tmp_path: Path, checkpoints: tuple[int, ...]
) -> None:
    write_versions(tmp_path, checkpoints)
    opened = DeltaTables().existing(str(tmp_path))
    shutil.copy(commit(tmp_path, 3), commit(tmp_path, 44))
    cause = "a file of its _delta_log is missing, or one is superfluous: after version 3, the next commit is 44."
    for read in (lambda: DeltaTables().open(str(tmp_path)), lambda: DeltaTables().refreshed(opened)):
        with pytest.raises(PermanentFailure) as failure:
            read()
        assert failure.value.what.endswith(f" cannot be used: {cause}")
        assert failure.value.action.startswith("Restore the files in between, or move away the later ones if they do")


def test_a_failure_of_a_gap_does_not_print_the_objects_of_the_reader() -> None:
    text = "Expected contiguous commit files, but found gap: ParsedLogPath { location: FileMeta { location: Url"
    with pytest.raises(PermanentFailure) as failure, translate_store_errors("s3://bucket/table"):
        raise ValueError(text)
    assert failure.value.what == (
        "The Delta table s3://bucket/table cannot be used: a file of its _delta_log is missing, or a later one is "
        "superfluous: Expected contiguous commit files, but found gap."
    )
