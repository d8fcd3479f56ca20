"""Seven days by four workers on PostgreSQL: workers are killed and stopped, the server restarts.

    .venv/bin/python benchmarks/fleet.py [--hours 168] [--feeds 616] [--workers 4] [--seed 1]

The replayed world is polled hour by hour by workers that share nothing but the database, while
there is trouble. It comes every few seconds: SIGKILL for a worker; SIGSTOP, mostly
for a moment, now and then for longer than a worker that is silent counts as alive; PostgreSQL
restarted, fast or at once (``pg_ctl restart -m immediate``); connections cut
(``pg_terminate_backend``). A worker that was killed is started anew.

Compares what is stored with what stood in the feeds in each hour, which is what a week in peace
brings (``--peace`` polls one), and looks in the world's log for hosts that two workers asked at
once, or sooner than the gap allows.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from recorded_world import loaded
from world import ROOT, SHARED, World, environment, newsreel, unpacked

from newsreel.app.poll import Wanted, poll_feeds
from newsreel.errors import StoreError
from newsreel.fetch.client import Client, FetchPolicy
from newsreel.store import open_store

sys.path.insert(0, str(ROOT / "tests"))
from postgres_server import Server

START = "2026-01-01T00:00:00Z"
FEEDS_A_HOST = 4
PATIENCE = 120.0
KEYS = (
    "SELECT f.first_url, coalesce(e.guid, r.link) FROM entries e JOIN feeds f ON f.id = e.feed_id "
    "JOIN revisions r ON r.entry_id = e.id AND r.number = 1 AND r.reread = 0"
)
DOUBLED = "SELECT count(*) - count(DISTINCT (feed_id, identity)) FROM entries"
POLLED = "SELECT count(DISTINCT feed_id) FROM polls WHERE id > %s AND outcome != 'failed'"
FAILED = "SELECT count(*) FROM polls WHERE outcome = 'failed'"
CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid != pg_backend_pid() AND datname = current_database() AND random() < 0.5
"""


def main() -> None:
    """Poll a week and compare; exit 1 where anything is missing, doubled or impolite."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=616)
    parser.add_argument("--hours", type=int, default=168)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--gap", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=8646)
    parser.add_argument("--peace", action="store_true")
    options = parser.parse_args()
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        unpacked(Path(folder)) as archive,
        contextlib.closing(Server(uuid.uuid4().hex)) as server,
    ):
        name = "peace" if options.peace else "trouble"
        log = Path(folder) / f"{name}.log"
        address = server.make_database(name)
        with recorded(archive, log, options) as world:
            week = Week(world, server, name, address, options, Path(folder))
            week.run()
        keys, doubled = set(week.ask(KEYS)), week.ask(DOUBLED)[0][0]
        met, hurried, least = judged(log, options.gap)
        print(
            f"{name}: {options.hours} hours, {week.seconds:.0f} s, {dict(week.trouble)}; "
            f"{week.ask('SELECT count(*) FROM polls')[0][0]} polls, "
            f"{week.ask(FAILED)[0][0]} failed; {len(keys)} entries, {doubled} doubled; "
            f"{met} times two workers at one host, {hurried} gaps too short, "
            f"the least {least * 1000:.0f} ms of {options.gap * 1000:.0f}"
        )
        shown = shown_entries(archive, options)
    print(f"{len(shown - keys)} entries missing, {len(keys - shown)} that never stood there")
    raise SystemExit(bool(shown ^ keys or doubled or met or hurried))


def shown_entries(archive: Path, options: argparse.Namespace) -> set[tuple[str, str]]:
    """Return feed and key of all that stood in a feed in one of the hours."""
    program = loaded(SHARED / "world" / "replay_server")
    sys.argv[1:] = ["--archive", str(archive), "--port", str(options.port)]
    sys.argv += ["--feeds", str(options.feeds), "--hosts", "each"]
    world = program.World(program.arguments())
    begin, shown = datetime.fromisoformat(START).timestamp(), set()
    for number, (copy, source) in enumerate(world.feeds):
        url, mark = named_url(number, world.urls[number]), f"/copy{copy}" if copy else ""
        for hour in range(1, options.hours + 1):
            low, high = world.window(number, begin + 3600 * hour)
            shown |= {(url, entry["link"] + mark) for entry in source.entries[low:high]}
    return shown


@contextlib.contextmanager
def recorded(archive: Path, log: Path, options: argparse.Namespace) -> Iterator[World]:
    """Run a world that writes down who asks what."""
    program = Path(__file__).with_name("recorded_world.py")
    command = [sys.executable, program, log, "--archive", archive, "--port", str(options.port)]
    command += ["--feeds", str(options.feeds), "--hosts", "each", "--latency", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("ready"):
            raise SystemExit(f"the world did not start: {line}")
        try:
            yield World(options.port)
        finally:
            process.terminate()


def judged(log: Path, gap: float) -> tuple[int, int, float]:
    """Return how often two workers were at one host, and a host was asked too soon."""
    hosts: dict[str, list[tuple[float, float, str]]] = {}
    for line in log.read_text().splitlines():
        begin, end, host, agent = line.split()
        hosts.setdefault(host, []).append((float(begin), float(end), agent))
    met = hurried = 0
    least = 1e9
    for requests in hosts.values():
        requests.sort()
        for (_, end, agent), (begin, _, other) in pairwise(requests):
            met += begin < end and agent != other
            hurried += begin - end < gap
            if begin - end < gap:
                print(f"{begin - end:.3f} s from {agent} to {other}")
            least = min(least, begin - end)
    return met, hurried, least


class Week:
    """One database that is polled for a week."""

    def __init__(
        self,
        world: World,
        server: Server,
        name: str,
        address: str,
        options: argparse.Namespace,
        folder: Path,
    ) -> None:
        self._world, self._server, self._address = world, server, address
        self._options, self._chance = options, random.Random(options.seed)
        self._has_trouble = name == "trouble"
        self._orders = folder / f"{name}-orders"
        self._orders.mkdir()
        self._workers: list[BaseProcess] = []
        self._is_over = threading.Event()
        self._calm = threading.Lock()
        self.trouble: Counter[str] = Counter()
        self.seconds = 0.0

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database, as often as it takes."""
        while True:
            try:
                with psycopg.connect(self._address, autocommit=True) as connection:
                    return connection.execute(query, values).fetchall()
            except psycopg.OperationalError:
                time.sleep(0.1)

    def run(self) -> None:
        """Poll every hour."""
        began_at = time.monotonic()
        self._world.ask(f"time?set={START}&start=1")
        named = self._orders / "urls.txt"
        urls = self._world.ask("urls").decode().split()
        named.write_text("\n".join(named_url(n, url) for n, url in enumerate(urls)))
        command = newsreel("--db", self._address, "import", named)
        subprocess.run(command, env=environment(), check=True, stdout=subprocess.DEVNULL)
        self._order(0, 0)
        self._workers = [self._start(number) for number in range(self._options.workers)]
        making = threading.Thread(target=self._make_trouble, daemon=True)
        if self._has_trouble:
            making.start()
        for hour in range(1, self._options.hours + 1):
            self._world.ask("time?add=1h&prepare=1")
            self._hour(hour, len(urls))
            if hour % 12 == 0:
                print(f"{hour} hours, {time.monotonic() - began_at:.0f} s", flush=True)
        self._is_over.set()
        if self._has_trouble:
            making.join()
        for worker in self._workers:
            worker.kill()
            worker.join()
        self.seconds = time.monotonic() - began_at

    def _hour(self, hour: int, feeds: int) -> None:
        """Have every feed polled once, and see that nobody is at it any more."""
        mark = self.ask("SELECT coalesce(max(id), 0) FROM polls")[0][0]
        self._order(hour, mark)
        began_at = time.monotonic()
        while self.ask(POLLED, mark)[0][0] < feeds:
            self._replace_dead()
            if time.monotonic() - began_at > PATIENCE:
                raise SystemExit(f"hour {hour} does not end; {self.ask(POLLED, mark)} polled")
            time.sleep(0.1)
        with self._calm:
            self._order(-hour, 0)
            while not all(self._is_idle(n, hour) for n in range(len(self._workers))):
                self._replace_dead()
                time.sleep(0.02)

    def _order(self, hour: int, mark: int) -> None:
        fresh = self._orders / "new"
        fresh.write_text(f"{hour} {mark}")
        fresh.rename(self._orders / "order")

    def _is_idle(self, number: int, hour: int) -> bool:
        path = self._orders / f"idle-{number}"
        return path.exists() and path.read_text() == str(-hour)

    def _start(self, number: int) -> BaseProcess:
        arguments = (self._address, self._orders, number, self._options.gap)
        process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
        process.start()
        return process

    def _replace_dead(self) -> None:
        for number, worker in enumerate(self._workers):
            if not worker.is_alive():
                self._workers[number] = self._start(number)

    def _make_trouble(self) -> None:
        while not self._is_over.wait(self._chance.uniform(0.5, 5.0)):
            with self._calm:  # not between two hours: what is stored then is no hour's
                self._do_harm()

    def _do_harm(self) -> None:
        draw, worker = self._chance.random(), self._chance.choice(self._workers)
        if draw < 0.40:
            self.trouble["SIGKILL"] += 1
            worker.kill()
        elif draw < 0.82:
            seconds = self._chance.uniform(0.1, 3)
            if draw > 0.77:
                self.trouble["long SIGSTOP"] += 1
                seconds = self._chance.uniform(15, 30)
            self.trouble["SIGSTOP"] += 1
            stopped = worker.pid
            assert stopped is not None
            with contextlib.suppress(ProcessLookupError):
                handle = os.pidfd_open(stopped)
                signal.pidfd_send_signal(handle, signal.SIGSTOP)
                threading.Timer(seconds, resume, (handle,)).start()
        elif draw < 0.95:
            self.trouble["cut"] += 1
            self.ask(CUT)
        else:
            mode = "immediate" if draw < 0.98 else "fast"
            self.trouble[f"restart {mode}"] += 1
            self._server.restart(mode=mode)


def resume(handle: int) -> None:
    """Let a process go on, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, signal.SIGCONT)
    os.close(handle)


def named_url(number: int, url: str) -> str:
    """Return the address with a name for a host that it shares with few others."""
    parts = urlsplit(url)
    host = f"h{number // FEEDS_A_HOST}.example"
    return parts._replace(netloc=f"{host}:{parts.port}").geturl()


def work(address: str, orders: Path, number: int, gap: float) -> None:
    """Poll what is ordered, as a machine of the fleet does."""
    asyncio.run(poll(address, orders, number, gap))


async def poll(address: str, orders: Path, number: int, gap: float) -> None:
    """Poll hour after hour, until killed."""

    async def lookup(host: str) -> Sequence[str]:
        place = int(host.removeprefix("h").removesuffix(".example"))
        return [f"127.0.{3 + place // 250}.{1 + place % 250}"]

    def place_of(text: str) -> tuple[int, int]:
        hour, mark = text.split()
        return int(hour), int(mark)

    policy = FetchPolicy(
        user_agent=f"fleet-{number}-{os.getpid()}",
        allow_private=("127.0.0.0/8",),
        host_gap=timedelta(seconds=gap),
        proxy="",
    )
    try:
        store = open_store(address)
    except StoreError:
        return  # started anew
    async with Client(policy, lookup=lookup, clock=store.clock) as client:
        while True:
            hour, mark = place_of((orders / "order").read_text())
            if hour > 0:
                wanted = Wanted(is_forced=True, since=mark)
                polls = poll_feeds(store, client, clock=store.clock, wanted=wanted)
                with contextlib.suppress(StoreError):
                    async with contextlib.aclosing(polls) as found:
                        async for _ in found:
                            if place_of((orders / "order").read_text())[0] != hour:
                                break
            else:
                (orders / f"idle-{number}").write_text(str(hour))
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    main()
