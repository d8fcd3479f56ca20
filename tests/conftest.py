import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

pytest_plugins = ["store_fixtures"]

settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of real feeds and specifications that lies beside the checkout."""
    path = Path(os.environ.get("NEWSREEL_SHARED", ROOT.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"the shared data is absent: {path}")
    return path
