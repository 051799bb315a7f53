"""What is answered at which address: one module for each kind of caller."""
