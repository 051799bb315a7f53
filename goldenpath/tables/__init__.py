"""Tables of rows: read, hash, split, check and write."""
