"""The stores that the contract is held against. Another one joins here, and nowhere else."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from newsreel.store import Store, open_store
from polled_world import World
from postgres_server import NoServer, Server

HELD = frozenset(("test_store_sites",))
"""The modules that PostgreSQL is held against."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "address" in metafunc.fixturenames:
        is_held = metafunc.module.__name__.rpartition(".")[2] in HELD
        stores = ["sqlite", "postgres"] if is_held else ["sqlite"]
        metafunc.parametrize("address", stores, indirect=True)


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


@pytest.fixture
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
