"""The ``newsreel`` command."""

from newsreel.cli.main import main

__all__ = ["main"]
