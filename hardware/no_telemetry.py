"""Importing this keeps OpenVINO from reporting its use to its makers.

`import openvino` sends an event over the network, on Linux from a forked copy of the process. Nothing is to leave this
machine unasked; and the copy of a worker holds its pipes open, so that its end goes unnoticed. Without the package
that sends, OpenVINO uses an empty stand-in of its own. Must be imported before `openvino`.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]  # None: "cannot be imported"
