"""Run every node of a pipeline as its pod would run it."""
