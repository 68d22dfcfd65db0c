"""Replaces the suite's program by another version, and puts the old one back where the new one does not start.

Standard library only: while packages are replaced, none of them may be in use here.
"""
