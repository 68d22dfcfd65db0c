"""Which model ids, revisions and file names are taken, and where a model lies: nothing leaves the models directory."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from notices import Notice
from registry.errors import InvalidModelName, UnsafeRepository

PARTIAL = ".partial"
TRASH = ".trash"
METADATA = "metadata.json"
PLAN = ".plan.json"

_PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}")
_RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{digit}" for name in ("com", "lpt") for digit in range(1, 10))}
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
_MAX_FILE_NAME = 200
_HUB_HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co", "modelscope.cn", "www.modelscope.cn")


def parse_reference(text: str) -> tuple[str, str | None]:
    """Model id (of a GGUF file with that behind a colon) and revision of what people copy: the id itself, or the
    address of a model, a branch or a file on the hub. What is no address comes back as it is."""
    text = text.strip()
    host, slash, rest = re.sub(r"^https?://", "", text).partition("/")
    if text == host + slash + rest and host not in _HUB_HOSTS:
        return text, None
    parts = [unquote(part) for part in re.split(r"[?#]", rest)[0].split("/") if part]
    if parts[:1] == ["models"]:  # ModelScope
        parts = parts[1:]
    if len(parts) < 2:
        return text, None
    model_id, revision = "/".join(parts[:2]), None
    if len(parts) > 3 and parts[2] in ("tree", "blob", "resolve"):
        revision = parts[3] if parts[3] not in ("main", "master") else None
        if parts[-1].lower().endswith(".gguf"):
            model_id = f"{model_id}:{parts[-1]}"
    return model_id, revision


def check_model_id(model_id: str) -> str:
    """An id as the hub allows it, always with its organisation: "org/name". Raises InvalidModelName."""
    parts = model_id.split("/")
    if len(parts) != 2:
        raise InvalidModelName(Notice("notices.model_id_form", model=_shown(model_id)))
    good = len(model_id) <= 96 and all(_PART.fullmatch(part) for part in parts)
    if not good or "--" in model_id or ".." in model_id or model_id.endswith(".git"):
        raise InvalidModelName(Notice("notices.model_id_characters", model=_shown(model_id)))
    if is_reserved(directory_name(model_id)) or any(is_reserved(part) for part in parts):
        raise InvalidModelName(Notice("notices.model_id_reserved", model=model_id))
    return model_id


def check_revision(revision: str | None) -> str | None:
    """A branch, tag or commit; blank means the default branch. Raises InvalidModelName."""
    if revision is None or not revision.strip():
        return None
    revision = revision.strip()
    if not _REVISION.fullmatch(revision) or ".." in revision or revision.endswith((".lock", "/")):
        raise InvalidModelName(Notice("notices.revision_form", revision=_shown(revision)))
    return revision


def directory_name(model_id: str) -> str:
    return model_id.replace("/", "_", 1)


def id_of_directory(name: str) -> str:
    """The id of a directory without metadata: the part before the first "_" is the organisation."""
    organisation, underscore, rest = name.partition("_")
    return f"{organisation}/{rest}" if underscore and organisation and rest else f"local/{name}"


def inside(root: Path, *parts: str) -> Path:
    """A path below root, symbolic links followed. Raises UnsafeRepository when it would lie elsewhere."""
    path = root.joinpath(*parts)
    resolved, base = path.resolve(), root.resolve()
    if base not in resolved.parents:
        raise UnsafeRepository(Notice("notices.path_leads_out", path=_shown("/".join(parts)), root=root.name))
    return path


def model_directory(models_dir: Path, model_id: str) -> Path:
    """Where a model lies. Raises UnsafeRepository."""
    return inside(models_dir, directory_name(model_id))


def partial_directory(models_dir: Path, model_id: str) -> Path:
    """Where a download arrives until it is whole. Raises UnsafeRepository."""
    return inside(models_dir / PARTIAL, directory_name(model_id))


def check_file_names(names: list[str]) -> None:
    """Refuse a repository that holds one file name which is dangerous anywhere. Raises UnsafeRepository."""
    seen: set[str] = set()
    for name in names:
        parts = name.split("/")
        if any(not _safe_part(part) for part in parts):
            raise UnsafeRepository(Notice("notices.unsafe_file_name", name=_shown(name)))
        if name.casefold() in seen:
            raise UnsafeRepository(Notice("notices.names_differ_in_case", name=_shown(name)))
        seen.add(name.casefold())


def is_reserved(name: str) -> bool:
    """Windows reserves device names with any extension."""
    return name.split(".")[0].strip().casefold() in _RESERVED


def _safe_part(part: str) -> bool:
    if not part or part in (".", "..") or len(part) > _MAX_FILE_NAME or _FORBIDDEN.search(part):
        return False
    return not part.endswith((".", " ")) and not is_reserved(part)


def _shown(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")[:120] if not text.isprintable() else text[:120]
