import subprocess
import sys
from importlib import metadata

import newsreel

FOREIGN = """
import sys
before = set(sys.modules)
import newsreel
print(*sorted(name for name in set(sys.modules) - before if not name.startswith("newsreel")))
"""


def test_the_version_is_that_of_the_distribution() -> None:
    assert newsreel.__version__ == metadata.version("newsreel")


def test_importing_the_package_imports_nothing_else() -> None:
    imported = subprocess.run(
        [sys.executable, "-c", FOREIGN], capture_output=True, text=True, check=True
    )

    assert imported.stdout.split() == []
