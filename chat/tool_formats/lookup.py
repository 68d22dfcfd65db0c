"""Which dialects there are, and which one a model speaks."""

from collections.abc import Mapping
from typing import Any

from chat.tool_formats.families import CALL_FORMATS, UNKNOWN
from chat.tool_formats.tool_call_format import ToolCallFormat
from model_files.tool_call_families import find_family, model_type

__all__ = ["CALL_FORMATS", "find_call_format"]


def find_call_format(template: str, config: Mapping[str, Any]) -> ToolCallFormat:
    """The dialect of a model, from its chat template's text and, where that says nothing, from config.json's
    `model_type`; `UNKNOWN` where that does not either."""
    family = find_family(template, model_type(config))
    return CALL_FORMATS[family] if family else UNKNOWN
