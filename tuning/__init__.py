"""Which kind of pipeline serves a model best on this machine, found by measuring."""
