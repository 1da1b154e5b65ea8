"""Everything that derives from the table specs."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pi_lakeflow.app.tables import all_tables, ddl, markdown, sql_type
from pi_lakeflow.flow.tables import OPERATIONS
from pi_lakeflow.model.tables import Column, Grain, TableSpec


def test_every_table_is_there_once() -> None:
    names = [spec.name for spec in all_tables()]
    assert "pi_timeseries" in names
    assert len(names) == len(set(names))
    assert {spec.name for spec in OPERATIONS} <= set(names)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (pa.string(), "STRING"),
        (pa.timestamp("us", tz="UTC"), "TIMESTAMP"),
        (pa.list_(pa.int32()), "ARRAY<INT>"),
        (pa.map_(pa.string(), pa.float64()), "MAP<STRING, DOUBLE>"),
        (
            pa.struct([("a", pa.bool_()), ("b", pa.list_(pa.string()))]),
            "STRUCT<a: BOOLEAN, b: ARRAY<STRING>>",
        ),
    ],
)
def test_types_in_sql(kind: pa.DataType, text: str) -> None:
    assert sql_type(kind) == text


def test_every_table_has_statements_and_a_page() -> None:
    page = markdown()
    for spec in all_tables():
        assert f"CREATE TABLE bronze.{spec.name} (" in ddl(spec)
        assert all(f"`{column.name}`" in page for column in spec.columns)


def test_quotes_survive_in_comments() -> None:
    column = Column("a", pa.string(), "It's a \\ path.", nullable=False)
    spec = TableSpec(name="t", doc="", grain=Grain.LOG, key=("a",), columns=(column,))
    assert "a STRING NOT NULL COMMENT 'It\\'s a \\\\ path.'" in ddl(spec)
