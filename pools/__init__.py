"""Runs the instances of one device's models and assigns requests to them."""
