"""The stores that the contract is held against. Another one joins here, and nowhere else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from newsreel.store import Store, open_store
from polled_world import World


@pytest.fixture(params=["sqlite"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
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
