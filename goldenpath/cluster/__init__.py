"""Pipeline files: run, compile, submit, check and rehearse."""
