"""The mechanism under training and serving: plain Python, for any contract that it is handed."""
