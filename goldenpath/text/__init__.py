"""Text for people: plain, spelled as meant, in tables."""
