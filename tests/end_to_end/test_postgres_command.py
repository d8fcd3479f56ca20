"""The command with a database of PostgreSQL, as it is typed."""

from pathlib import Path

import pytest

from command_line import Newsreel
from newsreel.store.addresses import public_form
from postgres_server import PASSWORD, Server

SECRET = "Quill-7"


@pytest.fixture
def newsreel(tmp_path: Path) -> Newsreel:
    return Newsreel(tmp_path)


def test_a_password_comes_from_a_file_and_is_shown_nowhere(
    newsreel: Newsreel, postgres: Server, postgres_address: str, tmp_path: Path
) -> None:
    name = postgres_address.partition("?")[0].rpartition("/")[2]
    secrets = tmp_path / "pgpass"
    secrets.write_text(f"127.0.0.1:{postgres.port}:*:postgres:{PASSWORD}\n")
    secrets.chmod(0o600)
    newsreel.environment["PGPASSFILE"] = str(secrets)
    address = f"postgresql://postgres@127.0.0.1:{postgres.port}/{name}"

    status = newsreel.json("--db", address, "status")
    typed = newsreel.json("--db", postgres.tcp_address(name), "status")

    assert (status["database"], status["feeds"], status["schema"]) == (address, 0, 1)
    assert typed == status
    assert status["size_mb"] > 1
    assert PASSWORD not in "".join(newsreel.told)


@pytest.mark.parametrize(
    ("address", "said", "hint", "code"),
    [
        ("postgresql://ada:Quill-7@127.0.0.1:{port}/news", "does not let us in", "PGPASSFILE", 1),
        (
            "postgresql://postgres:Mallet%209@127.0.0.1:{port}/nowhere",
            "there is no such database: postgresql://postgres@127.0.0.1",
            "createdb",
            1,
        ),
        ("postgresql://ada:Quill-7@127.0.0.1:1/news", "can't be reached", "the server runs", 1),
        ("postgresql://ada:Quill-7%zz@h.example/news", "can't be read", "%-escapes", 2),
        ("mysql://ada:Quill-7@h.example/news", "no such database scheme: 'mysql'", "path", 2),
    ],
    ids=["password", "name", "server", "address", "scheme"],
)
def test_what_is_wrong_with_an_address_is_said_in_a_line_with_a_hint(
    newsreel: Newsreel, postgres: Server, address: str, said: str, hint: str, code: int
) -> None:
    done = newsreel("--db", address.format(port=postgres.port), "status")

    error, _, way_out = done.stderr.partition("\nhint: ")
    assert (done.returncode, done.stdout) == (code, "")
    assert said in error
    assert "\n" not in error
    assert hint in way_out
    assert SECRET not in done.stderr
    assert PASSWORD not in done.stderr


def test_without_the_driver_the_way_to_get_it_is_told(newsreel: Newsreel, tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError(\"No module named 'psycopg'\")\n")
    newsreel.environment["PYTHONPATH"] = str(tmp_path)

    done = newsreel("--db", "postgresql://h.example/news", "status")

    assert done.returncode == 2
    assert "driver can't be loaded" in done.stderr
    assert "pip install 'newsreel[postgres]'" in done.stderr


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://ada:Quill-7@h.example/news", "postgresql://ada@h.example/news"),
        (
            "postgres://ada@h.example:6432/news?password=Quill-7&sslmode=require",
            "postgresql://ada@h.example:6432/news",
        ),
        (
            "postgresql://a.example,b.example:5433/news?target_session_attrs=any",
            "postgresql://a.example,b.example:5433/news",
        ),
        ("postgresql:///news?host=/run/pg", "postgresql:///news?host=/run/pg"),
        ("postgresql:///?service=news", "postgresql:///?service=news"),
        ("postgresql://[::1]/news", "postgresql://[::1]/news"),
        ("~/news.sqlite", "~/news.sqlite"),
    ],
)
def test_an_address_is_shown_without_its_secrets(address: str, shown: str) -> None:
    assert public_form(address) == shown
