"""Files that only their owner may read."""

import logging
import re
import stat
import sys
from pathlib import Path

logger = logging.getLogger(__name__)

_ENTRY = re.compile(r"\((\w+);[^()]*;([^();]*)\)")
_TRUSTED = ("SY", "BA", "OW", "S-1-5-18", "S-1-5-32-544", "S-1-3-4")
"""The system, the administrators and whoever owns the file."""


def restrict_to_owner(path: Path) -> None:
    """Take away everyone else's right to read a file. Where the system or the volume cannot (FAT, some network shares),
    a warning is logged and the file stays as it is; the doctor then says so. Raises OSError where the file is gone."""
    if sys.platform != "win32":
        path.chmod(0o600)
        return
    try:
        _set_rights(path, f"D:P(A;;FA;;;{current_user_sid()})")
    except OSError as error:
        logger.warning("Others may be able to read %s: its rights could not be set (%s).", path, error)


def others_can_read(path: Path) -> bool:
    """Whether the rights of a file let anyone but its owner and the administrators read it. Raises OSError."""
    if sys.platform != "win32":
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    return foreign_readers(_rights(path), current_user_sid())


def foreign_readers(sddl: str, owner: str) -> bool:
    """Whether an access list in Windows' security descriptor language allows anything to somebody besides `owner` (a
    SID), the system and the administrators. A missing list allows everything to everyone."""
    if "D:" not in sddl or "NO_ACCESS_CONTROL" in sddl:
        return True
    return any(kind == "A" and who not in {owner, *_TRUSTED} for kind, who in _ENTRY.findall(sddl))


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _TOKEN_QUERY = 0x0008
    _TOKEN_USER = 1
    _DACL = 0x00000004
    _PROTECTED_DACL = 0x80000000
    _REVISION = 1

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _security = ctypes.WinDLL("advapi32", use_last_error=True)
    _kernel.GetCurrentProcess.restype = wintypes.HANDLE
    _kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    _kernel.LocalFree.argtypes = (ctypes.c_void_p,)
    _security.OpenProcessToken.argtypes = (wintypes.HANDLE, wintypes.DWORD, ctypes.POINTER(wintypes.HANDLE))
    _security.GetTokenInformation.argtypes = (
        wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD, ctypes.POINTER(wintypes.DWORD),
    )  # fmt: skip
    _security.ConvertSidToStringSidW.argtypes = (ctypes.c_void_p, ctypes.POINTER(wintypes.LPWSTR))
    _security.ConvertStringSecurityDescriptorToSecurityDescriptorW.argtypes = (
        wintypes.LPCWSTR, wintypes.DWORD, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p,
    )  # fmt: skip
    _security.ConvertSecurityDescriptorToStringSecurityDescriptorW.argtypes = (
        ctypes.c_void_p, wintypes.DWORD, wintypes.DWORD, ctypes.POINTER(wintypes.LPWSTR), ctypes.c_void_p,
    )  # fmt: skip
    _security.SetFileSecurityW.argtypes = (wintypes.LPCWSTR, wintypes.DWORD, ctypes.c_void_p)
    _security.GetFileSecurityW.argtypes = (
        wintypes.LPCWSTR, wintypes.DWORD, ctypes.c_void_p, wintypes.DWORD, ctypes.POINTER(wintypes.DWORD),
    )  # fmt: skip

    def current_user_sid() -> str:
        """The account of this process. A name would not do: accounts of Entra ID and the system's own have none that
        can be looked up everywhere. Raises OSError."""
        token = wintypes.HANDLE()
        _check(_security.OpenProcessToken(_kernel.GetCurrentProcess(), _TOKEN_QUERY, ctypes.byref(token)))
        try:
            size = wintypes.DWORD()
            _security.GetTokenInformation(token, _TOKEN_USER, None, 0, ctypes.byref(size))
            user = ctypes.create_string_buffer(size.value)
            _check(_security.GetTokenInformation(token, _TOKEN_USER, user, size, ctypes.byref(size)))
        finally:
            _kernel.CloseHandle(token)
        sid = ctypes.c_void_p.from_buffer(user)  # TOKEN_USER begins with a pointer to it
        text = wintypes.LPWSTR()
        _check(_security.ConvertSidToStringSidW(sid, ctypes.byref(text)))
        return _taken(text)

    def _set_rights(path: Path, sddl: str) -> None:
        descriptor = ctypes.c_void_p()
        _check(
            _security.ConvertStringSecurityDescriptorToSecurityDescriptorW(
                sddl, _REVISION, ctypes.byref(descriptor), None
            )
        )
        try:
            _check(_security.SetFileSecurityW(str(path), _DACL | _PROTECTED_DACL, descriptor))
        finally:
            _kernel.LocalFree(descriptor)

    def _rights(path: Path) -> str:
        size = wintypes.DWORD()
        _security.GetFileSecurityW(str(path), _DACL, None, 0, ctypes.byref(size))
        descriptor = ctypes.create_string_buffer(max(size.value, 1))
        _check(_security.GetFileSecurityW(str(path), _DACL, descriptor, size, ctypes.byref(size)))
        text = wintypes.LPWSTR()
        _check(
            _security.ConvertSecurityDescriptorToStringSecurityDescriptorW(
                descriptor, _REVISION, _DACL, ctypes.byref(text), None
            )
        )
        return _taken(text)

    def _taken(text: wintypes.LPWSTR) -> str:
        value = text.value or ""
        _kernel.LocalFree(ctypes.cast(text, ctypes.c_void_p))
        return value

    def _check(succeeded: int) -> None:
        if not succeeded:
            raise ctypes.WinError(ctypes.get_last_error())
