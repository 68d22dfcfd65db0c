"""Measurements of the served path beside the bare library, in one run, on the same prompts."""
