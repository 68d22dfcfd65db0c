"""The steps of one conversion that work on files and processes: fetch, export, verify, describe."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from conversion.child import ChildFailed, Event, run_child
from conversion.errors import ConversionFailed
from conversion.jobs import ConversionRequest
from conversion.recipes import ExportRecipe
from conversion.workspace import Workspace
from notices import Notice, notice_of
from registry.disk import directory_size, free_bytes, write_json
from registry.downloader_protocol import DownloadForm, DownloadReportedFailure, DownloadRequest, Resolved
from registry.downloader_protocol import Event as DownloadEvent
from registry.errors import NotEnoughDisk, error_named
from registry.names import METADATA
from registry.process import download_events
from registry.settings import HubSettings
from supervision.environment import child_environment
from supervision.python import python_command

_CARRIED = (
    *("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json", "*_Pooling/config.json"),
    *("preprocessor_config.json", "video_preprocessor_config.json"),
    *("README.md", "LICENSE*", "NOTICE*", "USE_POLICY*", "generation_config.json", "chat_template*"),
)
"""What the exporter may leave behind and the server reads: pooling, prompts, how images and sounds are prepared (of
which transformers 5 writes processor_config.json alone), licence, defaults of sampling."""
_NEARLY_FULL = 64 * 1024 * 1024
_READ = 1 << 20


@dataclass(frozen=True)
class Exporter:
    """The command of the exporter, to which the request is added, and its environment."""

    command: tuple[str, ...]
    environment: Mapping[str, str]


async def fetch(
    hub: HubSettings,
    model_id: str,
    directory: Path,
    form: DownloadForm,
    *,
    revision: str | None,
    commit: str | None,
    free: int,
    retry_wait: float,
) -> AsyncGenerator[DownloadEvent, None]:
    """What the downloader tells. Raises RegistryError, DownloaderDied, OSError."""
    request = DownloadRequest(
        model_id=model_id,
        directory=str(directory),
        endpoint=hub.endpoint,
        kind=hub.kind,
        revision=revision,
        commit=commit,
        token=hub.token,
        free_bytes=free,
        retry_wait=retry_wait,
        form=form,
        speed_limit_mb=hub.speed_limit_mb,
    )
    async with contextlib.aclosing(download_events(request)) as events:
        async for event in events:
            if isinstance(event, DownloadReportedFailure):
                raise error_named(event.error, notice_of(event.message), event.details)
            yield event


async def export(
    exporter: Exporter,
    space: Workspace,
    source: Path,
    adapter: Path | None,
    recipe: ExportRecipe,
    *,
    on_line: Callable[[str], object],
    on_stage: Callable[[str], object],
) -> dict[str, str]:
    """The versions that made what lies in `space.output` then. Raises ConversionFailed, NotEnoughDisk, OSError."""
    request = {
        "source": str(source),
        "output": str(space.output),
        "options": list(recipe.options),
        "adapter": str(adapter) if adapter else None,
        "merged": str(space.merged),
    }
    told: Event = {}

    def take(event: Event) -> None:
        told.update(event)
        if stage := event.get("stage"):
            on_stage(str(stage))

    try:
        await run_child(
            (*exporter.command, json.dumps(request)), environment=exporter.environment, on_line=on_line, on_event=take
        )
    except ChildFailed as error:
        if told.get("kind") == "disk_full" or free_bytes(space.folder) < _NEARLY_FULL:
            raise NotEnoughDisk.of(_NEARLY_FULL, free_bytes(space.folder)) from error
        reason = str(told.get("failed") or error)
        raise ConversionFailed(Notice("notices.export_failed", reason=reason)) from error
    if told.get("stage") != "exported" or not space.output.is_dir():
        raise ConversionFailed(Notice("notices.export_failed", reason="nothing was exported"))
    carry_over(source, space.output)
    return dict(told["versions"])


def carry_over(source: Path, output: Path) -> None:
    for pattern in _CARRIED:
        for path in source.glob(pattern):
            target = output / path.relative_to(source)
            if path.is_file() and not target.exists():
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, target)


async def verify(
    space: Workspace, recipe: ExportRecipe, *, command: Sequence[str] | None = None, on_line: Callable[[str], object]
) -> dict[str, Any]:
    """Load the model as the server would and ask it something; what was seen. Raises ConversionFailed, OSError."""
    command = command or python_command("-m", "conversion.verification")
    request = {"directory": str(space.output), "device": recipe.device, "scratch": str(space.scratch)}
    told: Event = {}
    try:
        await run_child(
            (*command, json.dumps(request)), environment=child_environment(), on_line=on_line, on_event=told.update
        )
    except ChildFailed as error:
        reason = str(told.get("failed") or error)
        raise ConversionFailed(Notice("notices.conversion_unfit", reason=reason)) from error
    return dict(told.get("verified") or {})


def describe(
    space: Workspace,
    model_id: str,
    request: ConversionRequest,
    recipe: ExportRecipe,
    resolved: Resolved | None,
    endpoint: str,
    versions: Mapping[str, str],
    verified: Mapping[str, Any],
) -> None:
    """metadata.json: where the model comes from and how it was made. Hashes all files, which takes a while."""
    local = resolved is None
    write_json(
        space.output / METADATA,
        {
            "model_id": model_id,
            "revision": request.revision or (None if local else "main"),
            "source": f"folder {Path(request.source).name}" if local else endpoint,
            "license": resolved.license if resolved else None,
            "imported_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "converted": {
                "from": request.source,
                "commit": resolved.commit if resolved else None,
                "adapter": request.adapter,
                "device": recipe.device,
                "weights": recipe.weights,
                "command": recipe.command,
                "versions": dict(versions),
                "verified": dict(verified),
            },
            "files": [_described(path, space.output) for path in sorted(space.output.rglob("*")) if path.is_file()],
        },
    )


def _described(path: Path, folder: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_READ):
            digest.update(chunk)
    name = path.relative_to(folder).as_posix()
    return {"path": name, "size": path.stat().st_size, "sha256": digest.hexdigest()}


def weights_in(folder: Path) -> int:
    """Bytes of the safetensors of a local folder."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def size_of(folder: Path) -> int:
    return directory_size(folder) if folder.exists() else 0
