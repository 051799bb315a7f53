"""How good a candidate is, and what follows."""
