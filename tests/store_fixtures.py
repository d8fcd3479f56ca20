"""The stores that the contract is held against. Another one joins here, and nowhere else."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from newsreel.store import Store, open_store
from polled_world import World
from postgres_server import NoServer, Server

HELD = frozenset(
    (
        "test_day_store",
        "test_fleet_commands",
        "test_store_entries",
        "test_store_feeds",
        "test_store_hubs",
        "test_store_hubs_laws",
        "test_store_imports",
        "test_store_leases",
        "test_store_polls",
        "test_store_search",
        "test_store_search_laws",
        "test_store_sites",
        "test_store_tables",
        "test_store_tombstones",
        "test_store_workers",
    )
)
"""The modules that PostgreSQL is held against."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave SQLite's own tests to SQLite."""
    kept: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        is_other = _is_of_postgres(item) and item.path.stem not in HELD
        (others if is_other else kept).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = kept


def _is_of_postgres(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and callspec.params.get("address") == "postgres"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server, the same for all processes of a session."""
    try:
        server = Server(os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex)
    except NoServer as error:
        pytest.skip(str(error))
    yield server
    server.close()


@pytest.fixture
def postgres_address(postgres: Server) -> Iterator[str]:
    """The address of an empty database of PostgreSQL."""
    name = f"test_{uuid.uuid4().hex}"
    yield postgres.make_database(name)
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_address")
        return found
    assert request.param == "sqlite"
    return f"sqlite:{tmp_path / 'newsreel.sqlite'}"


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    store = open_store(address)
    yield store
    await store.close()


@pytest.fixture
async def other(address: str) -> AsyncIterator[Store]:
    """A second store on the same database, as another process would open it."""
    other = open_store(address)
    yield other
    await other.close()


@pytest.fixture
def world(store: Store) -> World:
    """A store that can be polled."""
    return World(store)
