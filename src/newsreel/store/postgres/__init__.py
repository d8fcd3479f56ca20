"""The store for many workers: PostgreSQL, a writer that groups commits, readers beside it."""

from newsreel.store.postgres.store import PostgresStore, open_store

__all__ = ["PostgresStore", "open_store"]
