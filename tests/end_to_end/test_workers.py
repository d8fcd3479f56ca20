"""Several workers: what they share, and what happens when they are killed."""

import json
import os
import select
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from command_line import Newsreel
from newsreel.app.poll import Wanted
from newsreel.cli.listing import note
from newsreel.cli.tally import Told
from newsreel.cli.workers import _Task, _Workers, nobody
from newsreel.config import read_settings
from newsreel.model.poll import Outcome
from polled_world import item, rss
from publisher import Publisher, hang

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="one loopback address for each host is Linux's"
)
HOSTS = 6


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    return Newsreel(tmp_path)


@pytest.fixture
def publishers() -> Iterator[list[Publisher]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Publisher(f"127.0.0.{number + 1}")) for number in range(HOSTS)]


def subscribe(newsreel: Newsreel, urls: list[str]) -> None:
    path = newsreel.home / "feeds.txt"
    path.write_text("\n".join(urls))
    assert newsreel("import", path).returncode == 0


def publish(publishers: list[Publisher], count: int) -> list[str]:
    return [
        publisher.put(f"/{number}", rss([item(f"{publisher.host}-{number}-{n}") for n in "abc"]))
        for publisher in publishers
        for number in range(count)
    ]


def children_of(pid: int) -> list[int]:
    """The workers of a process; what else it started tells nobody's command line of it."""
    found = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [one for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


def wait_for_end(pids: list[int]) -> bool:
    """Tell whether these processes end within half a minute."""
    for pid in pids:
        try:
            file = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ready, _, _ = select.select([file], [], [], 30)
        os.close(file)
        if not ready:
            return False
    return True


def events(lines: Iterator[str], name: str, count: int) -> list[dict[str, object]]:
    found = []
    for line in lines:
        event = json.loads(line)
        if event["event"] == name:
            found.append(event)
        if len(found) == count:
            return found
    raise AssertionError(f"{name} was said {len(found)} times")


def test_workers_share_a_round_and_no_host(
    newsreel: Newsreel, publishers: list[Publisher]
) -> None:
    subscribe(newsreel, publish(publishers, 20))

    due = newsreel("poll", "--workers", 3)
    forced = newsreel("poll", "--workers", 3, "--all")

    assert due.stderr.startswith("polled 120 feeds: 360 new entries, 0 revised\n")
    assert "120 not modified" in forced.stderr
    for publisher in publishers:
        paths = [seen.path for seen in publisher.requests]
        assert sorted(paths) == sorted(2 * [f"/{number}" for number in range(20)])
        assert publisher.most_open == 1
    assert list(newsreel.home.glob("*.lease")) == []
    assert newsreel.json("status")["days_to_write"] == 0


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost(
    newsreel: Newsreel, publishers: list[Publisher]
) -> None:
    urls = publish(publishers, 2)
    subscribe(newsreel, urls)

    with newsreel.start("run", "--workers", "3") as service:
        assert service.stderr is not None
        lines = iter(service.stderr)
        events(lines, "polled", len(urls))
        killed = children_of(service.pid)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        told = events(lines, "notice", 2)
        more = [publisher.put("/more", rss([item(publisher.host)])) for publisher in publishers]
        subscribe(newsreel, more)
        polled = events(lines, "polled", len(more))
        workers = children_of(service.pid)
        service.terminate()
        service.communicate(timeout=30)

    assert len(killed) == len(workers) == 2
    assert {event["told"] for event in told} == {
        "a worker died (SIGKILL); another takes its place"
    }
    assert {event["url"] for event in polled} == set(more)
    assert service.returncode == 0
    assert newsreel.json("status")["entries"] == 3 * len(urls) + len(more)


def test_a_service_that_is_told_to_stop_with_all_its_workers_stores_what_was_asked_for(
    newsreel: Newsreel, publishers: list[Publisher]
) -> None:
    urls = publish(publishers, 1)
    slow = [publisher.answer("/slow", hang()) for publisher in publishers[:3]]
    subscribe(newsreel, urls)

    with newsreel.start("run", "--workers", "3") as service:
        assert service.stderr is not None
        lines = iter(service.stderr)
        events(lines, "polled", len(urls))
        subscribe(newsreel, slow)
        for publisher in publishers[:3]:
            publisher.wait_for_request("/slow")
        workers = children_of(service.pid)
        for pid in [*workers, service.pid]:  # as who ends a group of processes does
            os.kill(pid, signal.SIGTERM)
        _, rest = service.communicate(timeout=30)

    assert service.returncode == 0
    assert '"event": "stopped"' in rest
    assert "Traceback" not in rest
    assert wait_for_end(workers)
    assert newsreel.json("status")["entries"] == 3 * len(urls)
    assert list(newsreel.home.glob("*.lease")) == []
    assert newsreel.json("status")["days_to_write"] == 0


def test_a_worker_that_is_told_to_stop_alone_is_replaced(
    newsreel: Newsreel, publishers: list[Publisher]
) -> None:
    subscribe(newsreel, publish(publishers, 1))

    with newsreel.start("run", "--workers", "2") as service:
        assert service.stderr is not None
        lines = iter(service.stderr)
        events(lines, "polled", len(publishers))
        (worker,) = children_of(service.pid)
        os.kill(worker, signal.SIGTERM)
        (told,) = events(lines, "notice", 1)
        subscribe(newsreel, [publishers[0].put("/more", rss([item("more")]))])
        events(lines, "polled", 1)
        (other,) = children_of(service.pid)
        service.terminate()
        service.communicate(timeout=30)

    assert told["told"] == "a worker died (SIGTERM); another takes its place"
    assert other != worker
    assert service.returncode == 0


def test_what_a_killed_worker_held_is_polled_by_another(
    newsreel: Newsreel, publishers: list[Publisher]
) -> None:
    urls = publish(publishers[1:], 1)
    subscribe(newsreel, urls)

    with newsreel.start("run", "--workers", "2") as service:
        assert service.stderr is not None
        lines = iter(service.stderr)
        events(lines, "polled", len(urls))
        (worker,) = children_of(service.pid)
        service.send_signal(signal.SIGSTOP)  # so that it is the worker who takes the next one
        subscribe(newsreel, [publishers[0].answer("/held", hang())])
        publishers[0].wait_for_request("/held")
        publishers[0].put("/held", rss([item("at last")]))
        os.kill(worker, signal.SIGKILL)
        service.send_signal(signal.SIGCONT)
        (polled,) = events(lines, "polled", 1)
        service.terminate()
        service.communicate(timeout=30)

    assert (polled["outcome"], polled["new"]) == ("ok", 1)
    assert len(publishers[0].requests_for("/held")) == 2
    assert service.returncode == 0


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_one_that_started_them(
    newsreel: Newsreel, publishers: list[Publisher], name: signal.Signals
) -> None:
    urls = publish(publishers, 1)
    subscribe(newsreel, [*urls, publishers[0].answer("/hang", hang())])

    with newsreel.start("run", "--workers", "2") as service:
        assert service.stderr is not None
        events(iter(service.stderr), "polled", len(urls))
        workers = children_of(service.pid)
        service.send_signal(name)
        service.communicate(timeout=30)

    assert service.returncode == (-9 if name is signal.SIGKILL else 0)
    assert wait_for_end(workers)
    publishers[0].put("/hang", rss([item("at last")]))
    freed = newsreel("poll")  # what anybody of them held is free at once
    assert freed.stderr.startswith("polled 1 feeds: 1 new entries")


def test_what_stops_one_worker_stops_the_round_with_its_reason(
    newsreel: Newsreel, publishers: list[Publisher]
) -> None:
    subscribe(newsreel, publish(publishers, 1))
    newsreel.environment["NEWSREEL_CAPTURES"] = "off"
    with closing(sqlite3.connect(newsreel.database)) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON entries "
            "BEGIN SELECT raise(ABORT, 'no room left'); END"
        )

    done = newsreel("poll", "--workers", 2)

    assert done.returncode == 1
    assert "no room left" in done.stderr
    assert list(newsreel.home.glob("*.lease")) == []


@pytest.mark.parametrize("count", ["0", "-1", "many", "65"])
def test_a_senseless_number_of_workers_is_refused(newsreel: Newsreel, count: str) -> None:
    done = newsreel("poll", "--workers", count)

    assert done.returncode == 2
    assert "--workers" in done.stderr


async def test_what_goes_wrong_in_the_own_process_is_not_swallowed(tmp_path: Path) -> None:
    async def broken() -> AsyncGenerator[Told, None]:
        yield Told(1 // len([]), Outcome.OK, None, 0, 0, 0, 0)

    settings = read_settings(config=None, given={}, environ={"HOME": str(tmp_path)})
    workers = _Workers(_Task(settings, Wanted(), is_service=False), note, nobody)
    workers.join(broken())

    with pytest.raises(ZeroDivisionError):
        await workers.next()
