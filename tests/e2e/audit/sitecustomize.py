"""Loaded by every Python process that finds it first: writes down each file that the process touches.

`PYTHONAUDITFILE` names the file of the lines, each a JSON list: the kind (read or write), the event, the absolute path.
"""

# ruff: noqa: PTH100, PTH115, PTH117, PTH118

import json
import os
import sys

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LOOKS = {"os.listdir": (0,), "os.scandir": (0,)}
_CHANGES = {
    "os.mkdir": (0,),
    "os.rmdir": (0,),
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.link": (0, 1),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
}
_log = os.open(os.environ["PYTHONAUDITFILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


# os.path throughout: pathlib looks at files itself, which would be written down too.
def _note(kind: str, event: str, path: object, directory: object = None) -> None:
    if not isinstance(path, (str, bytes, os.PathLike)):
        return
    name = os.fsdecode(path)
    if isinstance(directory, int) and directory >= 0 and not os.path.isabs(name):
        name = os.path.join(os.readlink(f"/proc/self/fd/{directory}"), name)
    line = json.dumps([kind, event, os.path.abspath(name)])
    os.write(_log, line.encode("utf-8", "surrogatepass") + b"\n")


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        flags = arguments[2]
        _note("write" if isinstance(flags, int) and flags & _WRITING else "read", event, arguments[0])
    elif event in _LOOKS or event in _CHANGES:
        kind = "read" if event in _LOOKS else "write"
        directory = arguments[-1] if event in ("os.remove", "os.rmdir", "os.mkdir") else None
        for index in _LOOKS.get(event) or _CHANGES[event]:
            _note(kind, event, arguments[index], directory)


sys.addaudithook(_hook)
