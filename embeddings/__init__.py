"""Texts to vectors, and texts to scores against a query."""
