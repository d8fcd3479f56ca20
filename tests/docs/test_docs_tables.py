"""The tables are documented as they are."""

import re
from pathlib import Path

import pytest

from newsreel.model.tables import TABLES, TABLES_VERSION, Column, ColumnType, Table

PAGE = (Path(__file__).parents[2] / "docs/reference/tables.md").read_text("utf-8")


def rows_of(heading: str) -> list[list[str]]:
    body = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in body.splitlines()
        if line.startswith("| `")
    ]


def told(column: Column) -> str:
    return f"{column.type}{'?' * column.is_optional}"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_documented_column_by_column(table: Table[object]) -> None:
    documented = [(name.strip("`"), kind) for name, kind, _ in rows_of(table.name)]

    assert documented == [(column.name, told(column)) for column in table.columns]


def test_there_is_no_table_but_those() -> None:
    assert re.findall(r"^## (.+)$", PAGE, re.MULTILINE) == [table.name for table in TABLES]


def test_every_type_is_documented() -> None:
    head = PAGE.partition("\n## ")[0]
    types = re.findall(r"^\| ([a-z ]+) \| `", head, re.MULTILINE)

    assert types == [kind.value for kind in ColumnType]
    assert f"within version {TABLES_VERSION} of the tables" in head
