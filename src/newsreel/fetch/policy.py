"""What the operator lets the client do, and what a caller asks of it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from newsreel import __version__
from newsreel.model.capture import Validators


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """Limits and manners of everything that goes out.

    ``allow_private`` opens hosts (``nas.lan``) and networks (``127.0.0.0/8``) that are refused
    otherwise. ``timeout`` is for a whole exchange with all its redirects, ``max_bytes`` for a body
    after decompression. ``concurrency`` is how many are asked at once: with answers 100 ms late,
    256 took a third of the time of 64, and 512 no less. ``host_gap`` is the least time between two
    requests to one public host; hosts that ``allow_private`` opens are the operator's own and get
    none. ``proxy`` is what everything goes through (``http://host:port``, with or without
    ``user:password@``) but what goes to the operator's own hosts.
    """

    user_agent: str = ""
    contact: str = ""
    allow_private: tuple[str, ...] = ()
    max_bytes: int = 15_000_000
    timeout: timedelta = timedelta(seconds=30)
    max_hops: int = 5
    concurrency: int = 256
    host_gap: timedelta = timedelta(seconds=1)
    proxy: str = field(default="", repr=False)

    @property
    def agent(self) -> str:
        """The User-Agent that is sent: name, version and where to complain."""
        whom = f"+{self.contact}" if self.contact else "self-hosted feed archive"
        return self.user_agent or f"Newsreel/{__version__} ({whom})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing to be fetched.

    ``user`` and ``password`` are for basic authentication, in place of those of the address;
    ``proxy`` takes the place of the policy's.

    ``headers`` are the feed's own; to another origin than the first they are not sent.
    ``max_bytes`` lowers the policy's limit. To a POST every 2xx is an answer; only the redirects
    307 and 308 are followed then, with method and body, and not from https to http.
    """

    url: str
    method: Literal["GET", "POST"] = "GET"
    body: bytes = field(default=b"", repr=False)
    validators: Validators = field(default_factory=Validators)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    max_bytes: int | None = None
    proxy: str | None = field(default=None, repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
