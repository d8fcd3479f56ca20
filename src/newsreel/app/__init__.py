"""Use cases: one module each, decisions joined to I/O."""
