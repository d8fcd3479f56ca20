"""The help of every command, as it stands in docs/reference/commands.md.

Run this file to bring the page up to date; what stands around the help stays.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from newsreel.cli.main import COMMANDS, newsreel

PAGE = Path(__file__).parents[2] / "docs/reference/commands.md"
WIDTH = 80
_BLOCK = re.compile(r"```text\n(?P<usage>Usage: newsreel(?P<name>[^\[]*)\[.*?)```\n", re.DOTALL)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its name; the group itself as ``""``."""
    yield "", newsreel
    top = click.Context(newsreel)
    for name in COMMANDS:
        command = newsreel.get_command(top, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {found}", part) for found, part in command.commands.items())


def help_of(name: str, command: click.Command) -> str:
    path = f"newsreel {name}".strip()
    context = click.Context(
        command, info_name=path, terminal_width=WIDTH, help_option_names=["-h", "--help"]
    )
    lines = command.get_help(context).splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def blocks_in(text: str) -> dict[str, str]:
    """The help on the page, by command."""
    return {match["name"].strip(): match["usage"] for match in _BLOCK.finditer(text)}


def renewed(text: str) -> str:
    """The page with every block of help as it is now."""
    known = {name: help_of(name, command) for name, command in commands()}

    def renew(match: re.Match[str]) -> str:
        found = known.get(match["name"].strip(), match["usage"])
        return f"```text\n{found}```\n"

    return _BLOCK.sub(renew, text)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text("utf-8")), "utf-8")
