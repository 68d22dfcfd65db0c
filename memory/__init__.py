"""Memory: readings, the ledger all device servers share, the budget of one device, what a KV cache takes."""
