"""Checks of a pipeline file before it is submitted."""
