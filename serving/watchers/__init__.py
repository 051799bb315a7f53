"""What watches the answers, off the path of a request: log, metrics, shadow."""
