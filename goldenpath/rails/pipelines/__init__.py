"""What stands behind a pipeline: executed notebooks, steps alone, checks, rehearsal."""
