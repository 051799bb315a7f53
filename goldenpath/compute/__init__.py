"""Map a function over partitions: in this process, in processes of this machine, or on a Ray cluster."""
