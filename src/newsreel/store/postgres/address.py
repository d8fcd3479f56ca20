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
    user, name = (quote(str(given.get(key) or "")) for key in ("user", "dbname"))
    hosts = str(given.get("host") or given.get("hostaddr") or "").split(",")
    ports = str(given.get("port") or "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    places = (
        f"{quote(host, safe=':[]')}{f':{port}' if port else ''}"
        for host, port in zip(hosts, ports, strict=False)
    )
    service = given.get("service")
    return (
        f"postgresql://{f'{user}@' if user else ''}{','.join(places)}/{name}"
        f"{f'?service={service}' if service else ''}"
    )
