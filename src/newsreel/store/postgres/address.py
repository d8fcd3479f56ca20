"""Where a PostgreSQL database is, and what may be told of that."""

from dataclasses import dataclass, field
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from newsreel.errors import UsageError

# A server that is gone without a word is noticed within a minute.
DEFAULTS: dict[str, str | int | None] = {
    "connect_timeout": 10,
    "fallback_application_name": "newsreel",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


@dataclass(frozen=True, slots=True)
class Address:
    """What libpq connects with, and the same without secrets, for people."""

    conninfo: str = field(repr=False)
    shown: str


def parse_address(text: str) -> Address:
    """Return the address of ``postgresql://…``, with libpq's parameters behind a ``?``.

    What is not given comes from libpq's environment, password file and service file. Raises
    :class:`~newsreel.errors.UsageError` where it can't be read; that never shows the address,
    since a password may stand in it.
    """
    try:
        given = conninfo_to_dict(text)
    except psycopg.ProgrammingError:
        raise UsageError(
            "the database's address can't be read",
            hint="write postgresql://USER@HOST:PORT/NAME, with %-escapes for what is special",
        ) from None
    conninfo = make_conninfo("", **(DEFAULTS | given | {"client_encoding": "utf8"}))
    return Address(conninfo, _shown(given))


def _shown(given: dict[str, str | int | None]) -> str:
    """Say where a database is: user, hosts, name, and a socket's folder or the service."""
    told = {key: quote(str(value), safe=":/,") for key, value in given.items() if value}
    host = told.get("host") or told.get("hostaddr", "")
    is_socket = host.startswith("/")
    ports = told.get("port", "").split(",")
    hosts = [] if is_socket else [f"[{h}]" if ":" in h else h for h in host.split(",")]
    ports *= len(hosts) if len(ports) == 1 else 1
    places = ",".join(
        f"{name}:{port}" if port else name for name, port in zip(hosts, ports, strict=False)
    )
    user = f"{told['user']}@" if "user" in told else ""
    more = [f"host={host}"] if is_socket else []
    more += [f"service={told['service']}"] if "service" in told else []
    tail = f"?{'&'.join(more)}" if more else ""
    return f"postgresql://{user}{places}/{told.get('dbname', '')}{tail}"
