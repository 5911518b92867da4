"""Columns of the catalog in Dagster's UI: descriptions, constraints, tags, and a lineage without loose ends."""

import dagster as dg

from pinterest_platform.catalog import ENTITIES, GEO, REPORTS, USER, report_with_key
from pinterest_platform.definitions import defs
from pinterest_platform.orchestration.results.columns import PII_TAG, table_schema
from pinterest_platform.orchestration.results.tables import table_metadata
from pinterest_platform.ports import TableFacts

SPECS = {spec.key: spec for spec in defs.resolve_all_asset_specs()}


def schema(*key: str) -> dict[str, dg.TableColumn]:
    value = SPECS[dg.AssetKey(list(key))].metadata["dagster/column_schema"]
    assert isinstance(value, dg.TableSchemaMetadataValue)
    return {column.name: column for column in value.schema.columns}


def lineage(*key: str) -> dict[str, list[tuple[str, str]]]:
    value = SPECS[dg.AssetKey(list(key))].metadata["dagster/column_lineage"]
    assert isinstance(value, dg.TableColumnLineageMetadataValue)
    deps = value.column_lineage.deps_by_column
    return {
        name: [(dep.asset_key.to_user_string(), dep.column_name) for dep in sources] for name, sources in deps.items()
    }


def test_cleaned_columns_have_type_description_constraints_and_tags() -> None:
    for layer in ("cleaned", "cleaned_stream"):
        age = schema(layer, "user")["age"]
        assert (age.type, age.description) == ("bigint", "Age in whole years (rule C17).")
        assert age.constraints == dg.TableColumnConstraints(True, False, ["at least 0", "at most 130"])
        assert age.tags == PII_TAG
        assert schema(layer, "user")["ind"].constraints == dg.TableColumnConstraints(False, True, [])
        assert list(schema(layer, "geo")) == [*(column.name for column in GEO.columns), "_source"]


def test_raw_fields_name_the_columns_that_are_made_of_them() -> None:
    for layer in ("raw", "raw_stream"):
        fields = schema(layer, "user")
        assert fields["first_name"].description == fields["last_name"].description == "Cleaned to user_name."
        assert all(field.description for entity in ENTITIES for field in schema(layer, entity.name).values())


def test_report_columns_are_described() -> None:
    for report in REPORTS:
        columns = schema("reports", report.key)
        assert list(columns) == [column.name for column in report.columns]
        assert all(column.description for column in columns.values())


def test_the_only_key_column_of_a_report_is_unique() -> None:
    unique = {
        (report.key, name)
        for report in REPORTS
        for name, column in schema("reports", report.key).items()
        if column.constraints.unique
    }
    assert unique == {
        ("median_followers_by_age_group", "age_group"),
        ("median_followers_by_join_year", "join_year"),
        ("top_country_by_followers", "country"),
        ("users_joined_by_year", "join_year"),
    }


def test_lineage_leads_from_the_raw_field_to_the_report() -> None:
    assert lineage("reports", "users_joined_by_year") == {
        "join_year": [("cleaned/user", "date_joined")],
        "number_users_joined": [("cleaned/user", name) for name in ("age", "date_joined", "user_name")],
    }
    assert lineage("cleaned", "user")["user_name"] == [("raw/user", "first_name"), ("raw/user", "last_name")]
    assert lineage("cleaned_stream", "pin")["ind"] == [("raw_stream/pin", "index")]


def test_every_source_of_a_column_is_a_column_of_a_parent() -> None:
    for key, spec in SPECS.items():
        if "dagster/column_lineage" in spec.metadata:
            parents = {dep.asset_key.to_user_string() for dep in spec.deps}
            for sources in lineage(*key.path).values():
                for parent, column in sources:
                    assert parent in parents
                    assert column in schema(*parent.split("/")), (key, parent, column)


def test_assets_with_personal_data_have_a_tag() -> None:
    tagged = {key.to_user_string() for key, spec in SPECS.items() if spec.tags.get("pii") == "true"}
    layers = ("kafka", "kinesis", "raw", "cleaned", "raw_stream", "cleaned_stream")
    personal = {"reports/top_poster_by_country", "reports/page"}
    assert tagged == {f"{layer}/{entity}" for layer in layers for entity in ENTITIES} | personal


def test_a_report_column_that_publishes_a_personal_one_as_it_is_has_its_tag() -> None:
    personal = {f"{entity.name}.{column.name}" for entity in ENTITIES for column in entity.columns if column.pii}
    for report in REPORTS:
        for column in report.columns:
            is_personal = any(source in personal and source.endswith(f".{column.name}") for source in column.sources)
            assert schema("reports", report.key)[column.name].tags == (PII_TAG if is_personal else {}), column.name
    assert schema("reports", "top_poster_by_country")["poster_name"].tags == PII_TAG


def test_every_report_column_has_a_lineage() -> None:
    for report in REPORTS:
        assert list(lineage("reports", report.key)) == [column.name for column in report.columns]


def test_a_materialization_shows_the_columns_of_the_table_with_their_descriptions() -> None:
    facts = TableFacts("s3://b/t", 3, 7, (("age", "int"), ("new", "string")))
    value = table_metadata(facts, USER.columns)["dagster/column_schema"]
    assert isinstance(value, dg.TableSchemaMetadataValue)
    age, new = value.schema.columns
    assert (age.name, age.type, age.description) == ("age", "int", "Age in whole years (rule C17).")
    assert (new.name, new.type, new.description) == ("new", "string", None)
    median = table_schema(report_with_key("median_followers_by_age_group").columns, [("age_group", "string")])
    assert [column.description for column in median.columns] == ["Age group of the users who posted (rule R3)."]
