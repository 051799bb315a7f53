"""Engines that turn columns into predictions, and the proof that they agree."""
