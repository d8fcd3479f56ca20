"""Every command, setting and word is documented, as it is now."""

import re
from collections.abc import Iterable
from dataclasses import fields
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import pytest
from command_pages import PAGE, blocks_in, commands, help_of

from newsreel.cli.main import newsreel
from newsreel.config import PREFIX, Settings
from newsreel.core.schedule import Reason
from newsreel.core.states import Condition
from newsreel.model.capture import FaultKind
from newsreel.model.day import WriteReason
from newsreel.model.entry import Doubt
from newsreel.model.feed import FeedStatus
from newsreel.model.hub import HubStatus
from newsreel.model.poll import GapReason, Outcome, Tombstone

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = dict(commands())
RENEW = "renew it with: .venv/bin/python tests/docs/command_pages.py"
SECTIONS: dict[str, type[StrEnum]] = {
    "Outcomes of a poll": Outcome,
    "Faults": FaultKind,
    "Gaps": GapReason,
    "Doubts": Doubt,
    "Reasons of a file's version": WriteReason,
    "States of a feed": FeedStatus,
    "Conditions of a feed": Condition,
    "Reasons of the schedule": Reason,
    "States of a subscription": HubStatus,
    "Tombstones": Tombstone,
}


def words_in(section: str) -> list[str]:
    """The words that the table of a section of the reference explains."""
    page = (DOCS / "reference/faults.md").read_text("utf-8")
    body = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", body, re.MULTILINE)
    return [word for word, told in rows if told.strip()]


def rows_of_settings() -> dict[str, list[str]]:
    page = (DOCS / "reference/settings.md").read_text("utf-8")
    rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| `")
    ]
    return {row[0]: row[1:] for row in rows}


def test_every_command_is_documented_and_no_other() -> None:
    assert list(blocks_in(PAGE.read_text("utf-8"))) == list(COMMANDS), RENEW


@pytest.mark.parametrize("name", COMMANDS, ids=lambda name: name or "newsreel")
def test_the_help_in_the_docs_is_current(name: str) -> None:
    documented = blocks_in(PAGE.read_text("utf-8"))[name]

    assert documented == help_of(name, COMMANDS[name]), RENEW


def test_every_option_says_what_it_does() -> None:
    silent = [
        f"{name} {parameter.opts[-1]}"
        for name, command in COMMANDS.items()
        for parameter in command.params
        if parameter.param_type_name == "option" and not getattr(parameter, "help", None)
    ]

    assert silent == []


def test_every_setting_is_documented_and_no_other() -> None:
    assert list(rows_of_settings()) == [field.name for field in fields(Settings)]


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_a_setting_is_documented_with_its_variable_option_and_default(name: str) -> None:
    option, variable, default, told = rows_of_settings()[name]
    options = {opt for parameter in newsreel.params for opt in parameter.opts}

    assert variable == PREFIX + name.upper()
    assert option == (flag if (flag := "--" + name.replace("_", "-")) in options else "")
    assert told
    value = getattr(Settings(), name)
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, int | float):
        assert float(default) == value


@pytest.mark.parametrize("section", SECTIONS)
def test_every_stable_word_is_explained_in_its_order(section: str) -> None:
    assert words_in(section) == [word.value for word in SECTIONS[section]]


def test_every_part_of_the_archive_is_named_in_its_contract() -> None:
    page = (DOCS / "format.md").read_text("utf-8")
    words: Iterable[StrEnum] = [*Doubt, *WriteReason, *GapReason, *Tombstone]

    assert [word for word in words if f"`{word}`" not in page] == []
