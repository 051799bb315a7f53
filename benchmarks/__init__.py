"""Measurements of the running system; each module is a program."""
