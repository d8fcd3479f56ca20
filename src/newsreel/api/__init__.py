"""The archive in Python: :func:`newsreel.open`. Read-only, synchronous, versioned.

An archive has an event loop of its own, in a thread of its own: it works where another loop runs
already, as in a notebook. What a method returns is read when it is iterated, anew each time.
"""

from newsreel.api.archive import Archive, open_archive
from newsreel.api.results import Citation, Result
from newsreel.model.tables import (
    ChangeRow,
    CoverageRow,
    EntryRow,
    FeedRow,
    PollRow,
    RevisionRow,
)

__all__ = [
    "API_VERSION",
    "Archive",
    "ChangeRow",
    "Citation",
    "CoverageRow",
    "EntryRow",
    "FeedRow",
    "PollRow",
    "Result",
    "RevisionRow",
    "open_archive",
]

API_VERSION = 1
"""Goes up when something is taken away from this module, or means something else."""
