"""The embedded store: SQLite in WAL mode, one writer that groups commits, readers that never block it."""

from newsreel.store.sqlite.store import SqliteStore, open_store

__all__ = ["SqliteStore", "open_store"]
