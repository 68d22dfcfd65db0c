"""Texts, numbers and times in the user's language."""
