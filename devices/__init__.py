"""The ground: configuration, processes, hardware, memory, files of models."""

import devices.telemetry  # noqa: F401  before anything imports openvino
