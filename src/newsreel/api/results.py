"""What a question finds, and how to cite it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Generic, TypeVar

from newsreel import __version__
from newsreel.app.clock import utc_now
from newsreel.app.extras import extra
from newsreel.core.normalize import DIGEST_VERSION
from newsreel.core.terms import TERMS_VERSION
from newsreel.formats.arrow import Arrow
from newsreel.formats.document import PARSER_VERSION
from newsreel.formats.tables import json_lines
from newsreel.model.tables import TABLES_VERSION, Values

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """What was asked, when, of which versions, and what came: enough to ask again and compare.

    ``sha256`` is that of the result as lines of JSON, as ``newsreel export --format jsonl`` writes
    them; ``asked_at`` is the time of the reading that it describes, ``notes`` what there is to say
    of it.
    """

    question: str
    asked_at: datetime
    count: int
    sha256: str
    notes: tuple[str, ...] = ()
    newsreel: str = __version__
    tables_version: int = TABLES_VERSION
    parser_version: int = PARSER_VERSION
    digest_version: int = DIGEST_VERSION
    terms_version: int = TERMS_VERSION

    def __str__(self) -> str:
        return (
            f"{self.question}; Newsreel {self.newsreel} (tables {self.tables_version}, "
            f"parser {self.parser_version}, digest {self.digest_version}, "
            f"terms {self.terms_version}), {self.asked_at:%Y-%m-%d %H:%M:%S} UTC; "
            f"{self.count} results, SHA-256 {self.sha256}"
            + "".join(f"; {note}" for note in self.notes)
        )


class Result(Generic[R]):
    """What a question finds: read as it is iterated, page by page, anew each time.

    ``question`` is what was asked, ``columns`` are the names of what each row holds. ``notes``
    say what there is to say of the last reading: what of a search was not understood, or what may
    be missing.
    """

    notes: tuple[str, ...] = ()

    def __init__(
        self,
        question: str,
        columns: Sequence[str],
        pages: Callable[[], Iterator[list[Values]]],
        table: Callable[[], Arrow],
        row: Callable[..., R],
    ) -> None:
        self.question = question
        self.columns = tuple(columns)
        self._pages = pages
        self._table = table
        self._row = row

    def __repr__(self) -> str:
        return f"<Result of {self.question}>"

    def __iter__(self) -> Iterator[R]:
        for page in self._pages():
            for values in page:
                yield self._row(*values)

    def to_arrow(self) -> Arrow:
        """Return everything as a ``pyarrow.Table``. Needs the extra ``data``."""
        extra("pyarrow", wanted_for="to_arrow()")
        return self._table()

    def to_pandas(self) -> Any:  # noqa: ANN401 - pandas is not ours to import
        """Return everything as a ``pandas.DataFrame``. Needs the extra ``data``, and pandas."""
        extra("pandas", wanted_for="to_pandas()", hint="pip install pandas")
        return self.to_arrow().to_pandas(date_as_object=False)

    def to_polars(self) -> Any:  # noqa: ANN401 - polars is not ours to import
        """Return everything as a ``polars.DataFrame``. Needs the extra ``data``, and polars."""
        polars = extra("polars", wanted_for="to_polars()", hint="pip install polars")
        return polars.from_arrow(self.to_arrow())

    def cite(self) -> Citation:
        """Read everything, and return what a paper needs to say of it."""
        asked_at, digest, count = utc_now(), sha256(), 0
        for page in self._pages():
            digest.update(json_lines(self.columns, page))
            count += len(page)
        return Citation(
            question=self.question,
            asked_at=asked_at,
            count=count,
            sha256=digest.hexdigest(),
            notes=self.notes,
        )
