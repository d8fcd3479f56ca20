"""The embedded store: SQLite in WAL mode, a writer that groups commits, readers beside it."""

from newsreel.store.sqlite.store import SqliteStore, open_store

__all__ = ["SqliteStore", "open_store"]
