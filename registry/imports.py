"""Taking a model from a local folder: a copy, or a reference to where it lies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from model_files.model_facts import read_facts
from notices import Notice
from registry.disk import directory_size, put_in_place, write_json
from registry.errors import NotAnOpenVINOModel, NotEnoughDisk, RegistryConflict, UnsafeRepository, UnsupportedModel
from registry.local import model_id_of
from registry.names import METADATA, PARTIAL, check_model_id, directory_name, inside, model_directory

ImportMode = Literal["copy", "reference"]
_LEFT_OUT = (".git", ".cache", "*.part", METADATA)


def import_model(
    source: Path,
    models_dir: Path,
    model_id: str | None,
    mode: ImportMode,
    free: Callable[[Path], int],
) -> str:
    """Bring a folder or a GGUF file in; the id it has here. A copy takes as long as its bytes. Links inside the folder
    are refused.

    Raises NotAnOpenVINOModel, UnsupportedModel, InvalidModelName, Conflict, NotEnoughDisk, UnsafeRepository, OSError.
    """
    try:
        source = source.resolve()
    except ValueError as error:
        raise NotAnOpenVINOModel(Notice("notices.import_no_folder")) from error
    check_served(source, source.name)
    model_id = check_model_id(model_id or _id_of(source))
    check_unused(models_dir, model_id)
    if models_dir.resolve() in source.parents:
        raise RegistryConflict(Notice("notices.import_inside_models"))
    partial = inside(models_dir / PARTIAL, f"{directory_name(model_id)}.import")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        if mode == "copy":
            _copy(source, partial, free(models_dir))
        described = f"{'file' if source.is_file() else 'folder'} {source.name}"
        write_import_metadata(partial / METADATA, model_id, described, source if mode == "reference" else None)
        put_in_place(partial, model_directory(models_dir, model_id), models_dir)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return model_id


def check_served(source: Path, name: str) -> None:
    """Whether `source`, which its owner calls `name`, can be served. Raises NotAnOpenVINOModel, UnsupportedModel."""
    facts = read_facts(source)
    if facts.problem:
        refusal = UnsupportedModel if facts.unsupported else NotAnOpenVINOModel
        raise refusal(f"{name}: {facts.problem}")


def check_unused(models_dir: Path, model_id: str) -> None:
    """Raises Conflict where a model has this id, UnsafeRepository."""
    if model_directory(models_dir, model_id).exists():
        raise RegistryConflict(Notice("notices.import_exists", model=model_id))


def _id_of(source: Path) -> str:
    """Of a file its name: what stands before a "_" there is no organisation."""
    return f"local/{source.stem}" if source.is_file() else model_id_of(source)


def _copy(source: Path, target: Path, free: int) -> None:
    if source.is_file():
        if (needed := source.stat().st_size) > free:
            raise NotEnoughDisk.of(needed, free)
        shutil.copyfile(source, target / source.name)
        return
    if any(path.is_symlink() for path in source.rglob("*")):
        raise UnsafeRepository(Notice("notices.import_links", folder=source.name))
    if (needed := directory_size(source)) > free:
        raise NotEnoughDisk.of(needed, free)
    ignore = shutil.ignore_patterns(*_LEFT_OUT)
    shutil.copytree(source, target, ignore=ignore, dirs_exist_ok=True, copy_function=shutil.copyfile)
    for folder in (target, *(path for path in target.rglob("*") if path.is_dir())):
        folder.chmod(0o700)  # copied with the source's rights, which may not even let us write


def write_import_metadata(path: Path, model_id: str, source: str, reference: Path | None = None) -> None:
    """reference: where the files lie that were not copied."""
    described = {
        "model_id": model_id,
        "source": source,
        "imported_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    write_json(path, described | ({"reference": str(reference)} if reference else {}))
