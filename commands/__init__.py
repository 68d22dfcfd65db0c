"""The command line: each command asks the running admin server, or does the work itself where none runs."""
