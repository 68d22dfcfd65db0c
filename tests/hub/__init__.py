"""A hub for tests: real HTTP on loopback, as the real huggingface_hub client speaks it, with faults to switch on."""

from tests.hub.server import TestHub

__all__ = ["TestHub"]
