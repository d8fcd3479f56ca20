"""Hubs and the service, as it is typed."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from command_line import Newsreel
from hub import Hub
from polled_world import item, rss
from publisher import Publisher

PUBLIC = "https://news.example"


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    return Newsreel(tmp_path)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as publisher:
        yield publisher


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(is_prompt=False) as hub:
        yield hub


class Log:
    """What a service logs, line by line."""

    def __init__(self, service: "subprocess.Popen[str]") -> None:
        self._service = service
        self.text = ""

    def until(self, name: str) -> dict[str, Any]:
        """Read on to the next event of a name."""
        assert self._service.stderr is not None
        for line in self._service.stderr:
            self.text += line
            if line.startswith("{") and (event := json.loads(line))["event"] == name:
                return dict(event)
        raise AssertionError(self.text)

    def rest(self) -> str:
        assert self._service.stderr is not None
        self.text += self._service.stderr.read()
        return self.text


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_service_is_pushed_to(
    newsreel: Newsreel, publisher: Publisher, hub: Hub, workers: str
) -> None:
    link = {"Link": f'<{hub.url}>; rel="hub"'}
    url = publisher.put("/feed.xml", rss([item("a")]), headers=link)
    newsreel("add", url)
    newsreel.environment |= {
        "NEWSREEL_LISTEN": "127.0.0.1:0",
        "NEWSREEL_PUBLIC_URL": PUBLIC + "/",
        "NEWSREEL_WORKERS": workers,
    }
    (before,) = newsreel.json("hubs")

    with newsreel.start("run") as service:
        log = Log(service)
        hub.at = {PUBLIC: f"http://{log.until('listening')['address']}"}
        hub.wait_for(1)
        (form,) = hub.forms
        (asked,) = newsreel.json("hubs")
        answer = hub.verify(form)
        (verified,) = newsreel.json("hubs")
        status = hub.push(rss([item("b")]))
        pushed = log.until("pushed")
        forged = hub.push(rss([item("c")]), secret="guessed")
        (after,) = newsreel.json("hubs")
        service.send_signal(signal.SIGTERM)
        told = log.rest()

    (latest, first) = newsreel.json("log")
    secrets = (form["hub.secret"], form["hub.callback"].rpartition("/")[2])
    assert service.returncode == 0
    assert (before["state"], before["hub"]) == ("not subscribed", hub.url)
    assert asked["state"] == "asked (1×), not confirmed"
    assert answer.status == 200
    assert verified["state"] == "verified, nothing pushed yet"
    assert (status, forged) == (202, 202)
    assert (pushed["new"], pushed["revised"]) == (1, 0)
    assert (after["state"], after["pushes"], after["ignored"]) == ("pushes", 1, 1)
    assert after["fault"] == "bad-signature"
    assert (latest["outcome"], first["outcome"]) == ("pushed", "ok")
    assert len(publisher.requests) == 1
    assert newsreel.json("status")["last_poll_at"] == first["polled_at"]  # a push is none
    assert "Traceback" not in told
    everything = told + "".join(newsreel.told)
    for path in newsreel.home.rglob("*"):
        if path.is_file() and not path.name.startswith("newsreel.sqlite"):
            everything += path.read_bytes().decode("latin-1")
    assert not [secret for secret in secrets if secret in everything]
    days = [path.read_text() for path in newsreel.archive.rglob("*.json")]
    assert any('"press-b"' in day for day in days)


def test_a_service_that_may_not_be_reached_says_so(newsreel: Newsreel) -> None:
    newsreel.environment |= {"NEWSREEL_PUBLIC_URL": PUBLIC}

    with newsreel.start("run") as service:
        log = Log(service)
        event = log.until("not-listening")
        log.until("started")
        service.send_signal(signal.SIGTERM)
        log.rest()

    assert "listen" in event["hint"]
    assert service.returncode == 0


def test_an_address_that_is_taken_ends_the_service(newsreel: Newsreel, hub: Hub) -> None:
    taken = hub.url.removeprefix("http://").removesuffix("/hub")
    newsreel.environment |= {"NEWSREEL_LISTEN": taken, "NEWSREEL_PUBLIC_URL": PUBLIC}

    done = newsreel("run")

    assert done.returncode == 2
    assert f"error: can't listen at {taken}" in done.stderr
    assert "hint: " in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN", "8000"),
        ("LISTEN", "localhost:http"),
        ("LISTEN", "localhost:99999"),
        ("LISTEN", "unix:"),
        ("PUBLIC_URL", "news.example"),
        ("PUBLIC_URL", "ftp://news.example"),
        ("PUBLIC_URL", "https://me:pen@news.example"),
        ("PUBLIC_URL", "https://news.example/?x"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(
    newsreel: Newsreel, name: str, value: str
) -> None:
    newsreel.environment[f"NEWSREEL_{name}"] = value

    done = newsreel("hubs")

    assert done.returncode == 2
    assert f"bad value for {name.lower()}" in done.stderr


def test_where_no_feed_has_a_hub_that_is_said(newsreel: Newsreel) -> None:
    done = newsreel("hubs")

    assert done.returncode == 0
    assert done.stderr == "no feed announces a hub\n"
