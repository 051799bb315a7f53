"""Check the environment, and name the fix of what does not work."""
