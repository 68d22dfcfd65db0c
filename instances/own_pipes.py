"""A worker's ends of the pipes to its server, taken off standard input and output, which native libraries use too."""

import os
import sys
from typing import BinaryIO

from supervision.lifeline import take_stdin


def take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """(commands, replies). Standard input is the null device from then on, and what a native library prints goes to the
    log, not between two frames. To be called before any thread waits for commands."""
    commands = os.fdopen(take_stdin(), "rb")
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return commands, replies
