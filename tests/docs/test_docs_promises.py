"""What is promised to publishers and users is held by tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explanation/politeness.md").read_text("utf-8")


def test_every_promise_names_tests_that_exist() -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    existing = {name for text in sources for name in re.findall(r"def (test_\w+)\(", text)}
    promises = re.findall(r"^\| (?!promise|defence|---)(.+?) \| (.*) \|$", PAGE, re.MULTILINE)

    held = {said: re.findall(r"`(test_\w+)`", tests) for said, tests in promises}

    assert len(held) > 30
    assert [said for said, tests in held.items() if not tests] == []
    assert {name for tests in held.values() for name in tests} - existing == set()
