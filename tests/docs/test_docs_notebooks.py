"""Notebooks show what their cells say, and examples in Python run.

They are run in an event loop, as Jupyter does it.
"""

import asyncio
import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from notebooks import DOCS, NOTEBOOKS, code_of, make_demo, read, run

pytest.importorskip("duckdb", reason="the extra 'data' is not installed")
pytest.importorskip("pandas", reason="pandas is not installed")

RENEW = "renew it with: .venv/bin/python tests/docs/notebooks.py"


def name_of(path: Path) -> str:
    return str(path.relative_to(DOCS))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("notebook")
    make_demo(made)
    return made


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
async def test_the_cells_of_a_notebook_give_what_it_shows(path: Path, directory: Path) -> None:
    assert asyncio.get_running_loop().is_running()
    notebook = read(path)

    outputs = run(notebook, directory)

    cells = code_of(notebook)
    assert any(outputs)
    for cell, found in zip(cells, outputs, strict=True):
        assert cell["outputs"] == found, f"{''.join(cell['source'])}\n{RENEW}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_has_the_form_of_nbformat_4(path: Path) -> None:
    notebook = read(path)

    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for number, cell in enumerate(code_of(notebook), 1):
        assert cell["execution_count"] == number
    assert path.read_text("utf-8") == json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


async def test_the_examples_of_the_how_to_run(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (DOCS / "how-to/use-from-python.md").read_text("utf-8")
    examples = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    namespace: dict[str, Any] = {}

    with contextlib.chdir(directory):
        for example in examples:
            exec(compile(example, page, "exec"), namespace)

    told = capsys.readouterr().out
    assert len(examples) > 5
    assert "→" in told
    assert "SHA-256" in told
    assert "57600" in told
