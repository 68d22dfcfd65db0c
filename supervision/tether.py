"""A program that knows nothing of lifelines, held on one: `python -m supervision.tether COMMAND …`.

The end of standard input ends it with all it has started. To be started as the leader of a process group (POSIX); on
Windows its job object has the same effect.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from supervision.lifeline import watch_stdin


def main(command: list[str]) -> int:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def end() -> None:
        if sys.platform == "win32":
            process.kill()
        elif os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        else:
            process.kill()
        os._exit(1)

    watch_stdin(end)
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
