"""The archive on disk: day files, manifests, and the log of both."""
