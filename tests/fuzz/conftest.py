from tests.apis.conftest import _scripted, script, scripted

__all__ = ["_scripted", "script", "scripted"]
