"""Child processes: starting, watching, restarting and ending them, their logs and sockets."""
