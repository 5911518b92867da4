"""Tables whose properties or features do not permit the platform to read or write them."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql.types import LongType, StructField, StructType

from pinterest_platform.delta import commits
from pinterest_platform.delta.conflicts import retry_on_conflict
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure

SCHEMA = StructType([StructField("a", LongType())])
ROWS = pa.table({"a": pa.array([1], pa.int64())})


@pytest.mark.parametrize("name", ["delta.appendOnly", "delta.enableChangeDataFeed"])
def test_a_property_that_prevents_writing_is_named_with_the_way_to_switch_it_off(tmp_path: Path, name: str) -> None:
    uri = str(tmp_path)
    write_deltalake(uri, ROWS)
    DeltaTable(uri).alter.set_table_properties({name: "true"})
    with pytest.raises(PermanentFailure) as failure:
        DeltaTables().ensure(uri, SCHEMA)
    assert uri in failure.value.what
    assert f"its property {name} " in failure.value.what
    assert f"ALTER TABLE delta.`{uri}` SET TBLPROPERTIES ('{name}' = 'false')" in failure.value.action
    DeltaTable(uri).alter.set_table_properties({name: "false"})
    DeltaTables().ensure(uri, SCHEMA)


def test_a_constraint_is_named_with_the_way_to_remove_it(tmp_path: Path) -> None:
    uri = str(tmp_path)
    write_deltalake(uri, ROWS)
    DeltaTable(uri).alter.add_constraint({"small": "a < 9"})
    with pytest.raises(PermanentFailure, match=r"the CHECK constraint small \(a < 9\)") as failure:
        DeltaTables().ensure(uri, SCHEMA)
    assert failure.value.action.endswith(f"ALTER TABLE delta.`{uri}` DROP CONSTRAINT small.")
    DeltaTable(uri).alter.drop_constraint("small")
    DeltaTables().ensure(uri, SCHEMA)


def test_a_commit_that_can_never_succeed_is_a_permanent_failure_and_no_conflict(tmp_path: Path) -> None:
    uri, attempts = str(tmp_path), []
    write_deltalake(uri, ROWS, configuration={"delta.appendOnly": "true"})

    def replace() -> None:
        attempts.append(1)
        commits.replace_rows(DeltaTable(uri), ROWS, {})

    with pytest.raises(PermanentFailure, match=r"delta\.appendOnly permits no change of rows"):
        retry_on_conflict(replace, uri)
    assert len(attempts) == 1


def add_feature(uri: str, name: str, *, reader: bool) -> None:
    """Require a feature, as another writer does."""
    protocol = {"minReaderVersion": 3 if reader else 1, "minWriterVersion": 7, "writerFeatures": [name]}
    if reader:
        protocol["readerFeatures"] = [name]
    version = DeltaTable(uri).version() + 1
    Path(uri, "_delta_log", f"{version:020d}.json").write_text(json.dumps({"protocol": protocol}) + "\n")


@pytest.mark.parametrize("feature", ["deletionVectors", "v2Checkpoint", "typeWidening"])
def test_a_table_with_a_reader_feature_that_is_not_supported_is_named(tmp_path: Path, feature: str) -> None:
    uri = str(tmp_path)
    write_deltalake(uri, ROWS)
    add_feature(uri, feature, reader=True)
    with pytest.raises(PermanentFailure, match=f"cannot be read: it uses {feature}.*DROP FEATURE {feature}"):
        DeltaTables().open(uri)


@pytest.mark.parametrize("feature", ["rowTracking", "domainMetadata", "changeDataFeed"])
def test_a_table_with_a_writer_feature_that_is_not_supported_can_be_read(tmp_path: Path, feature: str) -> None:
    uri = str(tmp_path)
    write_deltalake(uri, ROWS)
    add_feature(uri, feature, reader=False)
    assert DeltaTables().row_count(DeltaTables().existing(uri)) == 1
    with pytest.raises(PermanentFailure, match=f"cannot be written: it uses {feature}.*DROP FEATURE {feature}"):
        DeltaTables().ensure(uri, SCHEMA)
