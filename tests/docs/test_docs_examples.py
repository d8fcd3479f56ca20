"""What the documentation shows is what Newsreel does."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from command_pages import commands
from console import Example, examples_in, outputs_of

from newsreel.cli.main import newsreel

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
COMMANDS = dict(commands())
_SHELL = re.compile(r"^```(?:sh|console|ini)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`(newsreel [^`]+)`")
_CALL = re.compile(r"(?:^|[\s/])(newsreel(?: [^#|\n]*)?)")


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the demo was run, as the README assumes."""
    directory = tmp_path_factory.mktemp("readme")
    outputs_of([Example("newsreel demo box", "")], directory)
    return directory


def test_the_tutorial_goes_as_it_says(tmp_path: Path) -> None:
    examples = examples_in((ROOT / "docs/tutorial.md").read_text("utf-8"))

    outputs = outputs_of(examples, tmp_path)

    assert len(examples) > 5
    for example, output in zip(examples, outputs, strict=True):
        assert example.fits(output), f"$ {example.command}\n{output}"


def test_the_commands_of_the_readme_print_what_it_shows(box: Path) -> None:
    examples = examples_in((ROOT / "README.md").read_text("utf-8"))

    outputs = outputs_of(examples, box)

    assert examples
    for example, output in zip(examples, outputs, strict=True):
        assert example.fits(output), f"$ {example.command}\n{output}"


def test_the_day_file_in_the_readme_is_a_real_one(box: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    [excerpt] = re.findall(r"^```markdown\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    [path] = (box / "box/archive").glob("*/*/2026-03-02/*harbourpost*.md")

    whole = path.read_text("utf-8")

    for part in excerpt.split("…\n"):
        assert part.strip() in whole


def _calls() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        text = page.read_text("utf-8")
        found = [call for block in _SHELL.findall(text) for call in _calls_in(block)]
        for call in dict.fromkeys(found + _INLINE.findall(text)):
            yield str(page.relative_to(ROOT)), call.strip()


def _calls_in(block: str) -> list[str]:
    lines = [line for line in block.splitlines() if "newsreel" in line]
    return [match[1] for line in lines if (match := _CALL.search(_command_of(line)))]


def _command_of(line: str) -> str:
    """The command of a line: what follows a prompt, or a unit's ExecStart."""
    for start in ("$ ", "ExecStart="):
        if line.startswith(start):
            return line.removeprefix(start)
    is_call = line.startswith("newsreel ")
    return line if is_call else ""


@pytest.mark.parametrize(("page", "call"), [pytest.param(*c, id=" ".join(c)) for c in _calls()])
def test_a_command_in_the_docs_exists_with_its_options(page: str, call: str) -> None:
    words = shlex.split(call)[1:]
    command, known = newsreel, _options_of(newsreel)
    name = ""
    for word in words:
        if word.startswith("-") and word != "-":
            assert word.partition("=")[0] in known, f"{page}: {call}"
        elif not name and word in COMMANDS:
            name, known = word, known | _options_of(COMMANDS[word])

    assert command is newsreel
    assert name or all(word.startswith("-") for word in words), f"{page}: {call}"


def _options_of(command: click.Command) -> set[str]:
    found = {"-h", "--help"}
    for parameter in command.params:
        found |= {*parameter.opts, *parameter.secondary_opts}
    return found
