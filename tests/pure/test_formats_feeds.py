"""Every feed of tests/feeds is read as the JSON beside it says."""

import json
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from newsreel.formats.document import parse

FEEDS = Path(__file__).parent.parent / "feeds"
CASES = sorted(p for p in FEEDS.rglob("*") if p.suffix not in {"", ".json"} and p.is_file())


def plain(value: object) -> object:
    """What a value says, without what it leaves empty."""
    if is_dataclass(value):
        found = {f.name: plain(getattr(value, f.name)) for f in fields(value)}
        return {name: v for name, v in found.items() if v not in (None, [], {}, "", False)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return dict(value) if hasattr(value, "keys") else value  # type: ignore[call-overload]


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.name)
def test_a_feed_is_read_as_its_golden_file_says(path: Path) -> None:
    found = json.loads(json.dumps(plain(parse(path.read_bytes()))))

    assert found == json.loads(path.with_suffix(".json").read_text())
