"""Requests that run now and those that ended."""
