"""The database: what every store can do, and the stores."""
