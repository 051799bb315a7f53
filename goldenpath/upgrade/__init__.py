"""Bring a project that was begun from an older state of goldenpath to a newer one."""
