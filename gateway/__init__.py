"""One address for all devices: which of them answers a request, and how its answer comes back."""
