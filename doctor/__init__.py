"""What keeps this machine from serving models well, and what to do about it."""
