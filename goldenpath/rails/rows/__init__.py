"""Tables and their rows: reading, hashing, splitting, writing."""
