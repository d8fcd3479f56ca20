"""A self-hosted archive of news feeds: every article and every revision, kept as plain files."""

__version__ = "0.1.0"
