"""Metrics, intervals, threshold, slices and the gate."""
