"""Importing this first keeps OpenVINO's Python package from sending usage statistics.

It does so from a forked copy of the importing process, which inherits our pipes and, on a machine without a network,
outlives the process it was forked from: the death of an instance could not be noticed. The package falls back to a
stand-in that sends nothing when `openvino_telemetry` cannot be imported.
"""

import sys
from typing import Any

_modules: dict[str, Any] = sys.modules  # None for a module makes its import fail, by the import system's rules
_modules["openvino_telemetry"] = None
