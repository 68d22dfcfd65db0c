"""Which instances of which model run on one device, and which request gets which."""
