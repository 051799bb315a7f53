"""Training time against prediction time: the figures and the report."""
