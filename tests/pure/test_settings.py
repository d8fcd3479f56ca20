"""Settings: command line, then environment, then a file, then the defaults."""

import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from newsreel.config import Settings, read_settings
from newsreel.errors import UsageError


def read(
    tmp_path: Path,
    toml: str | None = None,
    given: dict[str, str | None] | None = None,
    **environ: str,
) -> Settings:
    config = None
    if toml is not None:
        config = tmp_path / "given.toml"
        config.write_text(toml)
    home = {"HOME": str(tmp_path)}
    return read_settings(config=config, given=given or {}, environ=home | environ)


def test_the_defaults_stand_in_the_folders_of_the_user(tmp_path: Path) -> None:
    usual = read(tmp_path)
    elsewhere = read(tmp_path, XDG_DATA_HOME="/data")

    assert usual.db == str(tmp_path / ".local/share/newsreel/newsreel.sqlite")
    assert usual.archive == tmp_path / ".local/share/newsreel/archive"
    assert elsewhere.db == "/data/newsreel/newsreel.sqlite"
    assert usual.private_archive is None
    assert usual.allow_private == ()


def test_the_nearer_wins(tmp_path: Path) -> None:
    toml = 'db = "file"\narchive = "/file"\ntimeout = 5\n'

    settings = read(
        tmp_path,
        toml,
        {"db": "line", "archive": None},
        NEWSREEL_DB="environment",
        NEWSREEL_ARCHIVE="/environment",
    )

    assert settings.db == "line"
    assert settings.archive == Path("/environment")
    assert settings.timeout == timedelta(seconds=5)


def test_an_empty_variable_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, NEWSREEL_DB="") == read(tmp_path)


@pytest.mark.parametrize("where", ["XDG_CONFIG_HOME", "HOME", "NEWSREEL_CONFIG"])
def test_the_file_is_found_where_it_belongs(tmp_path: Path, where: str) -> None:
    folder = {"XDG_CONFIG_HOME": "x/newsreel", "HOME": ".config/newsreel"}.get(where, "own")
    path = tmp_path / folder / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('db = "found"')
    values = {"XDG_CONFIG_HOME": str(tmp_path / "x"), "NEWSREEL_CONFIG": str(path)}
    environ = {where: values[where]} if where in values else {}

    assert read(tmp_path, None, None, **environ).db == "found"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.0/8, nas.lan ,", ("127.0.0.0/8", "nas.lan")),
        ("", ()),
    ],
)
def test_hosts_that_are_open_are_parted_by_commas(
    tmp_path: Path, text: str, found: tuple[str, ...]
) -> None:
    assert read(tmp_path, NEWSREEL_ALLOW_PRIVATE=text).allow_private == found
    assert read(tmp_path, f"allow_private = {list(found)!r}").allow_private == found


def test_the_home_of_the_user_may_be_written_as_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert read(tmp_path, NEWSREEL_PRIVATE_ARCHIVE="~/own").private_archive == tmp_path / "own"


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("colour = 1", "no such setting in .*: 'colour'"),
        ("timeout = 'long'", "bad value for timeout in .*: 'long'"),
        ("timeout = 0", "bad value for timeout in .*: 0"),
        ("timeout = inf", "bad value for timeout in .*: inf"),
        ("timeout = nan", "bad value for timeout in .*: nan"),
        ("host_gap = -1", "bad value for host_gap in .*: -1"),
        ("concurrency = 0", "bad value for concurrency in .*: 0"),
        ("max_bytes = []", "bad value for max_bytes in .*"),
        ("allow_private = 7", "bad value for allow_private in .*: 7"),
        ("db = ", "the settings are no TOML"),
    ],
)
def test_what_can_not_be_meant_is_refused_with_a_way_out(
    tmp_path: Path, toml: str, told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, toml)

    assert re.search(told, str(caught.value))
    assert caught.value.hint


@pytest.mark.parametrize(
    "address",
    [
        "https://ada:s3cret@news.example",
        "ada:s3cret@news.example",
        "https://ada:s3cret@[news.example",
        "https://news.example/?key=s3cret",
    ],
)
def test_a_refused_address_is_not_repeated_for_it_may_hold_a_secret(
    tmp_path: Path, address: str
) -> None:
    with pytest.raises(UsageError, match="bad value for public_url") as caught:
        read(tmp_path, NEWSREEL_PUBLIC_URL=address)

    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
    assert "without user" in caught.value.hint


@pytest.mark.parametrize("is_in_environment", [False, True])
def test_a_file_that_was_named_must_be_there(tmp_path: Path, *, is_in_environment: bool) -> None:
    path = tmp_path / "missing.toml"
    environ = {"NEWSREEL_CONFIG": str(path)} if is_in_environment else {}

    with pytest.raises(UsageError, match="can't be read"):
        read_settings(
            config=None if is_in_environment else path,
            given={},
            environ={"HOME": str(tmp_path)} | environ,
        )


def test_bytes_that_are_no_text_are_no_settings(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(b'db = "\xff"')

    with pytest.raises(UsageError, match="no TOML"):
        read_settings(config=path, given={}, environ={"HOME": str(tmp_path)})


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_can_be_given_in_the_environment(tmp_path: Path, name: str) -> None:
    value = {"listen": "127.0.0.1:7", "public_url": "https://news.example"}.get(name, "7")

    settings = read(tmp_path, None, None, **{f"NEWSREEL_{name.upper()}": value})

    assert settings != read(tmp_path)
