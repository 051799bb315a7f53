"""The report, the model card and their plots."""
