"""Versions and roles of a model on a shared volume."""
