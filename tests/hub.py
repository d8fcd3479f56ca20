"""A little hub (WebSub): a real HTTP server on a loopback socket, in threads of its own.

    with Hub() as hub:
        publisher.put("/feed.xml", feed_with(hub.url, …))
        …                                # whoever subscribes is asked back before it is answered
        assert hub.push(topic, body) == 202

``is_prompt`` False: it accepts, and asks back when ``verify`` is called. ``status`` is what it
answers requests with, ``lease_seconds`` what it grants, ``name`` the host it calls itself. ``at``
says where public addresses are reached: a proxy before the subscriber, so to say.
"""

import hmac
import threading
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

CHALLENGE = "c7f1-echo-me"


@dataclass(frozen=True)
class Answered:
    status: int
    body: bytes
    headers: dict[str, str]


@dataclass
class Hub:
    is_prompt: bool = True
    status: int = 202
    lease_seconds: int | None = 864_000
    name: str = "127.0.0.1"
    at: dict[str, str] = field(default_factory=dict)
    forms: list[dict[str, str]] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    _arrival: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> Self:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                form = dict(parse_qsl(self.rfile.read(length).decode(), strict_parsing=True))
                if hub.is_prompt and hub.status < 300:
                    hub.answers.append(hub.verify(form))
                with hub._arrival:
                    hub.forms.append(form)
                    hub._arrival.notify_all()
                self.send_response(hub.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://{self.name}:{self._server.server_port}/hub"

    def wait_for(self, count: int) -> None:
        """Wait until so many requests were answered, all but for the last word."""
        with self._arrival:
            assert self._arrival.wait_for(lambda: len(self.forms) >= count, timeout=60)

    def verify(self, form: dict[str, str], **told: str) -> Answered:
        """Ask the subscriber whether it was it who asked; ``told`` replaces what is said."""
        query = {
            "hub.mode": form["hub.mode"],
            "hub.topic": form["hub.topic"],
            "hub.challenge": CHALLENGE,
        }
        if self.lease_seconds is not None and form["hub.mode"] == "subscribe":
            query["hub.lease_seconds"] = str(self.lease_seconds)
        query |= {f"hub.{name}": value for name, value in told.items()}
        return self.ask(form["hub.callback"], query)

    def deny(self, form: dict[str, str]) -> Answered:
        query = {"hub.mode": "denied", "hub.topic": form["hub.topic"], "hub.reason": "no"}
        return self.ask(form["hub.callback"], query)

    def ask(self, callback: str, query: dict[str, str]) -> Answered:
        return self._send("GET", f"{callback}?{urlencode(query)}")

    def push(
        self,
        body: bytes,
        *,
        form: dict[str, str] | None = None,
        method: str = "sha256",
        secret: str | None = None,
        is_chunked: bool = False,
        **headers: str,
    ) -> int:
        """Push a document to whoever subscribed last, or to that of a form; return its answer."""
        form = form or next(f for f in reversed(self.forms) if f["hub.mode"] == "subscribe")
        signature = hmac.new(
            (secret or form.get("hub.secret", "")).encode(), body, method
        ).hexdigest()
        usual = {
            "Content-Type": "application/rss+xml",
            "Link": f'<{self.url}>; rel="hub", <{form["hub.topic"]}>; rel="self"',
            "X-Hub-Signature": f"{method}={signature}",
        }
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in (usual | named).items() if value}
        pieces = iter([body[at : at + 1000] for at in range(0, len(body), 1000)])
        return self._send(
            "POST", form["hub.callback"], pieces if is_chunked else body, sent
        ).status

    def _send(self, method: str, url: str, body: Any = None, headers: Any = ()) -> Answered:
        for public, place in self.at.items():
            url = url.replace(public, place, 1)
        parts = urlsplit(url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            return Answered(answer.status, answer.read(), got)
        finally:
            connection.close()
