"""The parts of the soak: calls that look at every answer, faults, a census of processes and files, and the verdict."""
