"""Runs of a pipeline: folders, history, provenance."""
