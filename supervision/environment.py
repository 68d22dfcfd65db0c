"""What of this process's environment its children are given: enough to run OpenVINO, and nobody's secrets."""

import os
import re
from collections.abc import Mapping

from supervision.python import python_environment

_NEEDED = (
    # The system's own
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_.*", "TZ", "TMP", "TEMP", "TMPDIR", "XDG_.*"),
    # Windows
    *("SYSTEMROOT", "WINDIR", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "OS", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
    *("PROGRAMFILES.*", "COMMONPROGRAMFILES.*", "USERPROFILE", "USERNAME", "USERDOMAIN", "HOMEDRIVE", "HOMEPATH"),
    *("NUMBER_OF_PROCESSORS", "PROCESSOR_.*", "ALLUSERSPROFILE", "PUBLIC", "DRIVERDATA"),
    # Python and native libraries
    *("PYTHON(?!STARTUP$).*", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_.*", "MALLOC_.*", "COVERAGE_.*"),
    # OpenVINO, Intel's drivers, thread pools
    *("OV_.*", "OPENVINO_.*", "INTEL_.*", "NPU.*", "ZE_.*", "ZET_.*", "NEO.*", "IGC_.*", "OCL_.*", "OPENCL_.*"),
    *("SYCL_.*", "ONEAPI_.*", "TBB.*", "OMP_.*", "KMP_.*", "MKL_.*", "DNNL_.*", "ONEDNN_.*", "LIBVA_.*", "CL_.*"),
)
_NETWORK = (
    *("HTTPS?_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_(FILE|DIR)", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HF_HOME", "HF_TOKEN_PATH", "HF_HUB_.*"),
)
_OWN_PACKAGES = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
_PATTERN = re.compile("|".join(f"(?:{name})" for name in _NEEDED), re.IGNORECASE)
_NETWORK_PATTERN = re.compile("|".join(f"(?:{name})" for name in _NETWORK), re.IGNORECASE)
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|AUTH|KEY$|PRIVATE", re.IGNORECASE)


def child_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Those variables that a device server may need; tokens and passwords are never among them."""
    kept = {name: value for name, value in environment.items() if _PATTERN.fullmatch(name) and not _SECRET.search(name)}
    return python_environment({**kept, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"})


def network_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """That, and the way to the hub: proxies, which may hold a password, certificates, the client's own settings."""
    network = {name: value for name, value in environment.items() if _NETWORK_PATTERN.fullmatch(name)}
    return {**child_environment(environment), **network}


def installer_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """For a Python of another virtual environment, and for pip in it: with pip's own settings, which may name a mirror,
    and without what would lead it to this environment's packages."""
    settings = {name: value for name, value in environment.items() if name.upper().startswith("PIP_")}
    kept = {**network_environment(environment), **settings}
    return {name: value for name, value in kept.items() if name.upper() not in _OWN_PACKAGES}
