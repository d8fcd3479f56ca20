"""Libraries that only some need."""

from importlib import import_module
from typing import Any

from newsreel.errors import UsageError


def extra(library: str, *, wanted_for: str, hint: str = "pip install 'newsreel[data]'") -> Any:  # noqa: ANN401 - loaded by name
    """Return a library of an extra.

    Raises :class:`~newsreel.errors.UsageError` where it is not installed.
    """
    try:
        return import_module(library)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{wanted_for} needs {library.partition('.')[0]}, which is not installed", hint=hint
        ) from error
