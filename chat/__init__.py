"""From a conversation to prompt ids, and from generated ids back to text, reasoning and tool calls."""

from hardware import no_telemetry as no_telemetry
