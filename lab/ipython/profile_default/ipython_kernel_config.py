"""Kernels of `make lab` reload changed modules before each cell."""

c = get_config()  # noqa: F821  (given by traitlets)
c.InteractiveShellApp.extensions = ["autoreload"]
c.InteractiveShellApp.exec_lines = ["%autoreload 2"]
