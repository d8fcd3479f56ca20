"""What a round of polls brought."""

from collections import Counter
from dataclasses import dataclass, field

from newsreel.model.poll import Outcome, Poll


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one poll."""

    feed_id: int
    outcome: Outcome
    reason: str | None
    new: int
    revised: int
    left_out: int
    gaps: int


def told_of(poll: Poll) -> Told:
    """Return what is told of a poll."""
    fault, changes = poll.reading.fault, poll.changes
    return Told(
        poll.feed.id,
        poll.reading.outcome,
        fault.reason if fault else None,
        len(changes.new),
        len(changes.revised),
        changes.left_out,
        len(poll.gaps),
    )


@dataclass(slots=True)
class Tally:
    """What a round brought, in numbers."""

    feed_ids: set[int] = field(default_factory=set)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    new: int = 0
    revised: int = 0
    left_out: int = 0
    gaps: int = 0

    def count(self, told: Told) -> None:
        """Take one poll in."""
        self.feed_ids.add(told.feed_id)
        self.outcomes[told.outcome] += 1
        self.new += told.new
        self.revised += told.revised
        self.left_out += told.left_out
        self.gaps += told.gaps
        if told.reason:
            self.faults[told.reason] += 1

    def sentence(self) -> str:
        """Return it in a sentence."""
        polled = self.outcomes.total()
        parts = [f"polled {polled} feeds: {self.new} new entries, {self.revised} revised"]
        if same := self.outcomes[Outcome.NOT_MODIFIED]:
            parts.append(f"{same} not modified")
        if self.faults:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.faults.most_common())
            parts.append(f"{self.faults.total()} failed ({reasons})")
        if self.left_out:
            parts.append(f"{self.left_out} left out: erased before")
        if self.gaps:
            parts.append(f"{self.gaps} gaps")
        return "; ".join(parts)
