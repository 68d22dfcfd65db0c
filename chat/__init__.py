"""From a conversation to prompt ids, and from generated ids back to text, reasoning and tool calls."""

import devices.telemetry  # noqa: F401  before anything imports openvino
