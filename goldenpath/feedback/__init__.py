"""The way back from production: what was asked and answered, what came of it, and how good it still is."""
