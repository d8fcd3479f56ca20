"""A self-hosted archive of news feeds: every article and every revision, kept as plain files."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from newsreel.api import open_archive as open  # noqa: A004 - the name of the public function

__all__ = ["__version__", "open"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import :func:`open` when it is first asked for, so that importing the package is cheap."""
    if name == "open":
        from newsreel.api import open_archive

        return open_archive
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
