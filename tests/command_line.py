"""The command as it is typed, in a home of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NEWSREEL = Path(sys.executable).with_name("newsreel")
Done = subprocess.CompletedProcess[str]


@dataclass
class Newsreel:
    """``newsreel(*arguments)`` runs it; ``told`` is all that it ever said."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def __call__(self, *arguments: object, answer: str | None = None) -> Done:
        done = subprocess.run(
            self._command(arguments),
            env=self._env,
            cwd=self.home,
            stdin=subprocess.DEVNULL if answer is None else None,
            input=answer,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.told += [done.stdout, done.stderr]
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *arguments: object) -> Any:
        """What a listing says to programs."""
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(
        self, *arguments: object, stdin: int = subprocess.DEVNULL
    ) -> "subprocess.Popen[str]":
        """Start it and let it go on; with a terminal as ``stdin``, it has no other one."""
        return subprocess.Popen(
            self._command(arguments),
            env=self._env,
            cwd=self.home,
            stdin=stdin,
            start_new_session=stdin != subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def at_a_terminal(self, *arguments: object, answer: str) -> tuple[int, str]:
        """Run it where somebody can be asked; return its code and what was said to them."""
        ours, theirs = os.openpty()
        os.write(ours, answer.encode())
        try:
            done = subprocess.run(
                self._command(arguments),
                env=self._env,
                cwd=self.home,
                stdin=theirs,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            os.close(ours)
            os.close(theirs)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stderr

    @property
    def archive(self) -> Path:
        return self.home / "archive"

    @property
    def database(self) -> Path:
        return self.home / "newsreel.sqlite"

    @property
    def _env(self) -> dict[str, str]:
        usual = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "NEWSREEL_DB": str(self.database),
            "NEWSREEL_ARCHIVE": str(self.archive),
            "NEWSREEL_ALLOW_PRIVATE": "127.0.0.0/8",
        }
        return usual | self.environment

    def _command(self, arguments: tuple[object, ...]) -> list[str]:
        return [str(NEWSREEL), *map(str, arguments)]
