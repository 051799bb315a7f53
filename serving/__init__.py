"""The server: answers over HTTP by what `goldenpath` predicts. Start it with `python -m serving`."""
