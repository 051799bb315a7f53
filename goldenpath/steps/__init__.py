"""Training only: what the steps of the pipelines do. None of this is in the server's image."""
