"""The examples in the documentation: ``console`` blocks, run in one shell and compared.

A line that begins with ``$`` is a command, what follows is its output. ``…`` alone stands for any
lines, ``…`` within a line for any text.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_MARK = "\x1e"


@dataclass(frozen=True)
class Example:
    command: str
    expected: str

    def fits(self, output: str) -> bool:
        lines = [line.rstrip() for line in output.strip("\n").splitlines()]
        return re.fullmatch(self._pattern(), "".join(f"{line}\n" for line in lines)) is not None

    def _pattern(self) -> str:
        lines = self.expected.splitlines()
        return "".join(
            "(?:.*\n)*?"
            if line == "…"
            else ".*".join(re.escape(part) for part in line.rstrip().split("…")) + "\n"
            for line in lines
        )


def examples_in(text: str) -> list[Example]:
    found = []
    for block in _BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            found.append(Example(command, expected))
    return found


def outputs_of(examples: Iterable[Example], directory: Path) -> list[str]:
    """What the commands print, run one after the other in one shell."""
    script = "".join(f"{example.command}\nprintf '{_MARK}'\n" for example in examples)
    inherited = {name: value for name, value in os.environ.items() if "NEWSREEL" not in name}
    environment = inherited | {
        "HOME": str(directory),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec 2>&1\n{script}"],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.stdout.split(_MARK)[:-1]
