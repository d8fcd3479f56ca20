"""Where rows of the index stand in PostgreSQL: numbers that rise with the day and its time.

A number is ``day << 38 | minute << 27 | place << 1 | is_odd``. Places come from a sequence that
begins anew after :data:`PLACES`, so no worker asks another for one; within a minute rows stand as
they came. Odd numbers are those of rows that may not be the only one of their entry.

All rows of a stretch of time carry its token, in five lengths. So the index can be asked for what
lies between two numbers, which GIN can't do by itself: it finds all that ever held a word, in no
order, and looking at all of it takes seconds where the newest would do.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

DAY_ZERO = date(1970, 1, 1).toordinal()
DAY_BITS, MINUTE_BITS = 38, 27
PLACES = 1 << 26
LENGTHS = {"z": 34, "y": 38, "x": 41, "w": 44, "v": 47}
"""The tokens of time: two hours, 1, 8, 64, 512 days; and how many bits they leave out."""
MOST_TOKENS = 4
"""Each more costs time with every row: GIN goes through all that has one of them."""


def base_of(day: date, moment: datetime) -> int:
    """Return where rows of a day and time begin."""
    minute = moment.hour * 60 + moment.minute
    return (day.toordinal() - DAY_ZERO << DAY_BITS) | (minute << MINUTE_BITS)


def day_of(row_id: int) -> date:
    """Return the day of a row."""
    return date.fromordinal(DAY_ZERO + (row_id >> DAY_BITS))


def day_bounds(first: date | None, last: date | None) -> tuple[int, int]:
    """Return the least number of a span of days, and the one behind the greatest."""
    least = (first or date.min).toordinal() - DAY_ZERO
    greatest = (last or date.max).toordinal() - DAY_ZERO
    return least << DAY_BITS, greatest + 1 << DAY_BITS


def time_marks(row_id: int) -> list[str]:
    """Return the tokens of the stretches of time that a row is in."""
    return [f"={letter}{row_id >> bits}" for letter, bits in LENGTHS.items()]


def stretch(least: int, end: int) -> tuple[int, list[str]]:
    """Return the tokens of the time before ``end``, and where it begins: near ``least``."""
    fitting = (
        (letter, bits)
        for letter, bits in LENGTHS.items()
        if ((end - 1) >> bits) - (least >> bits) < MOST_TOKENS
    )
    letter, bits = next(fitting, ("v", LENGTHS["v"]))
    last = (end - 1) >> bits
    first = max(least >> bits, last - MOST_TOKENS + 1)
    return first << bits, [f"={letter}{number}" for number in range(last, first - 1, -1)]


@dataclass(frozen=True, slots=True)
class Spread:
    """How many rows there are, about, and how they lie over time.

    ``bounds`` are the first row and the last, and numbers between them with about as many rows
    from each to the next; at least two.
    """

    count: int
    bounds: Sequence[int]

    def rows_between(self, least: int, end: int) -> int:
        """Return how many rows lie between two numbers, about."""
        return int(self.count * max(0.0, self._share(end) - self._share(least)))

    def place_before(self, end: int, rows: int) -> int:
        """Return where so many rows before a number begin, about."""
        steps = len(self.bounds) - 1
        at, rest = divmod(max(0.0, self._share(end) - rows / max(self.count, 1)) * steps, 1)
        first, second = self.bounds[int(at)], self.bounds[min(int(at) + 1, steps)]
        return min(first + int(rest * (second - first)), end - 1)

    def _share(self, row_id: int) -> float:
        """Return which part of the rows lies before a number."""
        steps = len(self.bounds) - 1
        at = bisect_left(self.bounds, row_id)
        if at == 0:
            return 0.0
        if at > steps:
            return 1.0
        first, second = self.bounds[at - 1], self.bounds[at]
        return (at - 1 + (row_id - first) / max(second - first, 1)) / steps
