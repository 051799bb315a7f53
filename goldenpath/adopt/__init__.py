"""A first contract and settings for another table, drafted from its rows."""
