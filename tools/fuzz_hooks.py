"""What `tools/fuzz_apis.py` has schemathesis load: requests that would end the run are left out, the others counted.

FUZZ_RUN in the environment names a JSON file with `own_key` (the id and name of the run's key), `models` (those that
the run needs), `hub` (the run's own) and `tally` (the file to which the counts go at the end).
"""

import atexit
import json
import os
import threading
import zlib
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import schemathesis

RUN: dict[str, Any] = json.loads(Path(os.environ["FUZZ_RUN"]).read_text(encoding="utf-8"))
MADE_ONE_IN = 20
_lock = threading.Lock()
_answered: Counter[str] = Counter()
_phases: Counter[str] = Counter()
_left_out: Counter[str] = Counter()


@schemathesis.hook
def filter_case(ctx: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    reason = _harm(case)
    if reason:
        with _lock:
            _left_out[reason] += 1
    return reason is None


def _harm(case: schemathesis.Case) -> str | None:
    route, path = f"{case.method.upper()} {case.path}", case.path_parameters or {}
    body = case.body if isinstance(case.body, dict) else {}
    if route == "DELETE /api/keys/{key_id}" and path.get("key_id") in RUN["own_key"]:
        return "revoking the run's own key"
    if route == "POST /api/hub" and _is_other_hub(body.get("endpoint")):
        return "asking another hub than the run's own"
    if route == "DELETE /api/delete" and _is_needed(body.get("model") or body.get("name")):
        return "deleting a model that the run needs"
    if route.startswith("DELETE /api/local_models") and _is_needed(unquote(str(path.get("model_id")))):
        return "deleting a model that the run needs"
    if route == "POST /api/update_config" and body.get("device") == "gpu":
        return "changing the device that answers, which starts its server anew"
    if route == "POST /api/update_config" and body.get("device") == "npu" and not _is_a_turn(case):
        return "changing the other device (one in twenty is made)"
    if route == "POST /api/tune" and _is_needed(body.get("model")):
        return "measuring a model, which takes minutes"
    if route == "POST /api/doctor" and not _is_a_turn(case):
        return "examining, which takes seconds (one in twenty is made)"
    return None


def _is_a_turn(case: schemathesis.Case) -> bool:
    """By what the case is: a filter that answered otherwise the second time would confuse what generates the cases."""
    content = repr((case.body, case.query, case.headers, case.cookies))
    return zlib.crc32(content.encode("utf-8", "surrogatepass")) % MADE_ONE_IN == 0


def _is_needed(name: Any) -> bool:
    return isinstance(name, str) and any(model in name for model in RUN["models"])


def _is_other_hub(endpoint: Any) -> bool:
    try:
        stripped = endpoint.strip() if isinstance(endpoint, str) else RUN["hub"]
        return stripped != RUN["hub"] and (not stripped or bool(urlsplit(stripped).hostname))  # empty: the default one
    except ValueError:
        return False


@schemathesis.hook
def after_call(ctx: schemathesis.HookContext, case: schemathesis.Case, response: schemathesis.Response) -> None:
    phase = case.meta.phase.name.value if case.meta else "stateful"
    with _lock:
        _phases[phase] += 1
        _answered[f"{response.status_code} {case.method.upper()} {case.path}"] += 1


@atexit.register
def _write() -> None:
    tally = {"phases": _phases, "answered": _answered, "left_out": _left_out}
    Path(RUN["tally"]).write_text(json.dumps(tally), encoding="utf-8")
