"""Where a project came from: what its owner edits, what is shipped, and what was placed here."""
