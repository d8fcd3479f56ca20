"""Notebooks of the documentation, run cell by cell in one namespace, as Jupyter runs them.

Run this file to bring their stored outputs up to date; it makes a demo to run them on.
"""

import ast
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOKS = sorted(DOCS.rglob("*.ipynb"))
Outputs = list[dict[str, Any]]


def make_demo(directory: Path) -> None:
    """Make the archive that notebooks open: ``box``."""
    newsreel = Path(sys.executable).with_name("newsreel")
    subprocess.run([newsreel, "demo", "box"], cwd=directory, capture_output=True, check=True)


def read(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return notebook


def code_of(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run(notebook: dict[str, Any], directory: Path) -> list[Outputs]:
    """What each code cell prints and ends with."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.chdir(directory):
        return [
            _run_cell("".join(cell["source"]), namespace, number)
            for number, cell in enumerate(code_of(notebook), 1)
        ]


def _run_cell(source: str, namespace: dict[str, Any], number: int) -> Outputs:
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    told = io.StringIO()
    value = None
    with contextlib.redirect_stdout(told):
        exec(compile(tree, f"cell {number}", "exec"), namespace)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), namespace)
    outputs: Outputs = []
    if told.getvalue():
        outputs.append(
            {"name": "stdout", "output_type": "stream", "text": _lines(told.getvalue())}
        )
    if value is not None:
        outputs.append(
            {
                "data": {"text/plain": _lines(repr(value))},
                "execution_count": number,
                "metadata": {},
                "output_type": "execute_result",
            }
        )
    return outputs


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def renew(path: Path, directory: Path) -> None:
    notebook = read(path)
    for number, (cell, outputs) in enumerate(
        zip(code_of(notebook), run(notebook, directory), strict=True), 1
    ):
        cell["execution_count"], cell["outputs"] = number, outputs
    path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    os.environ.pop("NEWSREEL_DB", None)
    with tempfile.TemporaryDirectory() as made:
        make_demo(Path(made))
        for found in NOTEBOOKS:
            renew(found, Path(made))
