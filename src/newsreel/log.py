"""Structured logging: one JSON object a line, on stderr."""

import json
import sys
from datetime import UTC, datetime


def event(name: str, **fields: object) -> None:
    """Log one event with its fields; never an address with a credential in it."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")  # noqa: TID251 - when the line is written
    line = json.dumps({"at": at, "event": name, **fields}, ensure_ascii=True, default=str)
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
