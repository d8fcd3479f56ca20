"""Politeness towards hosts: one request at a time, a gap between two, none while it said no.

A host that does not want to be asked yet is not waited for: its turn says so, and the caller comes
back later. Who waits for a turn holds no connection slot, so that one busy host delays no other.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from newsreel.core.schedule import LONGEST_RETRY, host_after, rest_of
from newsreel.fetch.guard import is_own
from newsreel.fetch.policy import FetchPolicy
from newsreel.formats.urls import asked_host_of
from newsreel.model.capture import Capture, FaultKind
from newsreel.model.host import HostState

# Nothing went to the host: its name is not known, or it may not be asked.
UNASKED = frozenset((FaultKind.DNS, FaultKind.BAD_ADDRESS, FaultKind.REFUSED_ADDRESS))


def _always() -> None:
    """Have no objection."""


class HostGate:
    """Lets one request at a time through to each host.

    ``states`` are what is remembered from earlier runs, and of other workers; :meth:`changed`
    gives what is to be remembered, once each. ``assure`` is called right before anything is sent,
    and raises where that must not be done any more.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        clock: Callable[[], datetime],
        states: Iterable[HostState] = (),
        *,
        assure: Callable[[], None] = _always,
    ) -> None:
        self.assure = assure
        self._policy = policy
        self._clock = clock
        self._known: dict[str, HostState] = {}
        self._places: dict[str, _Place] = {}
        self._changed: dict[str, HostState] = {}
        self._most_places = LEAST_PLACES
        self.recall(states)

    def recall(self, states: Iterable[HostState]) -> None:
        """Take over what is remembered of hosts that are to be asked now.

        A wait beyond ``LONGEST_RETRY`` was noted before the clock was set back, and counts no
        more.
        """
        now = self._clock()
        for state in states:
            host, place = state.host, self._places.get(state.host)
            if host not in self._changed and not (place and place.is_taken):
                is_closed = now < (state.not_before or now) <= now + LONGEST_RETRY
                not_before = state.not_before if is_closed else None
                if not_before or state.gap:
                    self._known[host] = HostState(host, not_before, state.gap)
                else:
                    self._known.pop(host, None)
                self._rest(host, state.asked_at, now)
        if len(self._places) > self._most_places:
            self._forget_places()

    def _rest(self, host: str, asked_at: datetime | None, now: datetime) -> None:
        """Keep the gap to a request that somebody else made."""
        gap = max(self.state(host).gap, self._least(host))
        if asked_at is None or not gap or asked_at > now + gap:
            return
        left = asked_at + CLOCK_GRAIN + gap - now
        if left > timedelta():
            place = self._places.setdefault(host, _Place())
            free_at = asyncio.get_running_loop().time() + left.total_seconds()
            place.free_at = max(place.free_at, free_at)

    def _forget_places(self) -> None:
        now = asyncio.get_running_loop().time()
        self._places = {
            host: place
            for host, place in self._places.items()
            if place.is_taken or place.free_at > now
        }
        self._most_places = max(2 * len(self._places), LEAST_PLACES)

    def turn(self, host: str) -> "Turn":
        """Return leave to ask a host: ``async with gate.turn(host) as turn`` waits for it."""
        return Turn(self, host)

    def learn(self, host: str, capture: Capture) -> HostState:
        """Take from an answer how the host wants to be treated from now on.

        Where redirects led to another host, it is that one which answered.
        """
        if (place := self._places.get(host)) is not None and not _was_asked(capture):
            place.is_spared = True
        if capture.final_url != capture.url:
            host = asked_host_of(capture.final_url) or host
        before = self.state(host)
        after = host_after(before, capture, now=self._clock(), least=self._least(host))
        if after != before:
            self._known[host] = self._changed[host] = after
        return after

    def state(self, host: str) -> HostState:
        """Return what is known of a host."""
        return self._known.get(host) or HostState(host)

    def closed_until(self, host: str) -> datetime | None:
        """Return the moment before which the host must not be asked, None if it may be now."""
        known = self._known.get(host)
        if known is None or known.not_before is None or known.not_before <= self._clock():
            return None
        return known.not_before

    def changed(self) -> list[HostState]:
        """Return the states that changed since the last call."""
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    async def take(self, host: str) -> datetime | None:
        """Wait for the host; return until when it is closed, None if it may be asked."""
        place = self._places.get(host)
        if place is None:
            place = self._places[host] = _Place()
        if place.is_taken:
            await place.wait()
        place.is_taken = True
        try:
            if closed_until := self.closed_until(host):
                return closed_until
            wait = place.free_at - asyncio.get_running_loop().time()
            if wait > 0:
                await asyncio.sleep(wait)
        except BaseException:
            self._pass_on(host, place)
            raise
        # Whoever was asked meanwhile, elsewhere, may have closed it.
        return self.closed_until(host)

    def give(self, host: str, *, was_asked: bool) -> None:
        """Let the next one ask the host, once the gap is over."""
        place = self._places[host]
        if was_asked and not place.is_spared:
            known = self._known.get(host)
            gap = max(known.gap, self._least(host)) if known else self._least(host)
            rest = rest_of(host, gap, now=self._clock())
            place.free_at = asyncio.get_running_loop().time() + rest.total_seconds()
        place.is_spared = False
        self._pass_on(host, place)

    async def rest(self, host: str) -> None:
        """Keep the gap between two requests that are made in one turn."""
        gap = max(self.state(host).gap, self._least(host))
        await asyncio.sleep(rest_of(host, gap, now=self._clock()).total_seconds())

    def _pass_on(self, host: str, place: "_Place") -> None:
        if not place.pass_on() and place.free_at <= asyncio.get_running_loop().time():
            del self._places[host]  # so that memory does not grow with the number of hosts

    def _least(self, host: str) -> timedelta:
        is_free = not host or is_own(host, self._policy.allow_private)  # a directory has no host
        return NO_GAP if is_free else self._policy.host_gap


class Turn:
    """Leave to ask a host. If ``closed_until`` is set there is none: not before that moment."""

    __slots__ = ("_gate", "closed_until", "host")

    def __init__(self, gate: HostGate, host: str) -> None:
        self._gate = gate
        self.host = host
        self.closed_until: datetime | None = None

    async def __aenter__(self) -> Self:
        self.closed_until = await self._gate.take(self.host)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._gate.give(self.host, was_asked=self.closed_until is None)


@dataclass(slots=True)
class _Place:
    """The queue before one host. ``free_at`` is on the loop's clock.

    ``is_spared``: whoever has the turn found that nothing could be sent to the host.
    """

    is_taken: bool = False
    is_spared: bool = False
    free_at: float = 0.0
    queue: deque[asyncio.Future[None]] = field(default_factory=deque)

    async def wait(self) -> None:
        """Wait until it is passed on to us."""
        mine = asyncio.get_running_loop().create_future()
        self.queue.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.pass_on()
            raise

    def pass_on(self) -> bool:
        """Let the next in the queue go on; tell whether there is one."""
        while self.queue:
            first = self.queue.popleft()
            if not first.done():
                first.set_result(None)
                return True
        self.is_taken = False
        return False


def _was_asked(capture: Capture) -> bool:
    """Tell whether the first host of an exchange was asked for anything."""
    has_answered = any(hop.status is not None for hop in capture.hops)
    return has_answered or capture.fault is None or capture.fault.kind not in UNASKED


NO_GAP = timedelta()
CLOCK_GRAIN = timedelta(seconds=1)
LEAST_PLACES = 1000
