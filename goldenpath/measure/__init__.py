"""Stopwatch, latency comparison, HTTP client, a server that is started and stopped."""
