"""What open pages are kept up to date with."""
