"""The values: frozen dataclasses with derived properties only."""
