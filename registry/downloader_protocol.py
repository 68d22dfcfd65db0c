"""Between the admin and a downloader: one JSON document a line, a request down, events up."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from notices import Phrase, as_phrase
from registry.files import RemoteFile
from registry.settings import HubKind

DownloadForm = Literal["openvino", "description", "safetensors", "safetensors_with_code"]
"""What of a repository is wanted: a model as it is served; what one is converted from; that without the weights."""


class DownloadRequest(msgspec.Struct, omit_defaults=True):
    """directory: where the partial model lies. installed: an older copy, whose unchanged files are taken over.
    variant: the GGUF file that was asked for. revision: what was asked for; commit: what that was when the download
    began. free_bytes: what may be written. retry_wait: the first pause after a broken connection, seconds.
    speed_limit_mb: 10^6 bytes per second.
    """

    model_id: str
    directory: str
    endpoint: str
    kind: HubKind = "huggingface"
    installed: str | None = None
    variant: str | None = None
    revision: str | None = None
    commit: str | None = None
    token: str | None = None
    free_bytes: int | None = None
    retry_wait: float = 1.0
    form: DownloadForm = "openvino"
    speed_limit_mb: float | None = None


class Plan(msgspec.Struct):
    """What an unfinished download is of, kept beside its files. digests: the hash of each file by its path."""

    model_id: str
    revision: str | None
    digests: dict[str, str]
    variant: str | None = None


class Resolved(msgspec.Struct, tag="resolved"):
    """done: bytes of each file that lie there already, in the order of files. weights_bytes: of the repository's
    safetensors, whether they are among the files or not."""

    commit: str
    files: list[RemoteFile]
    done: list[int]
    token_refused: bool = False
    license: str | None = None
    pipeline_tag: str | None = None
    weights_bytes: int = 0


class DownloadProgress(msgspec.Struct, tag="progress"):
    """done: bytes of the file at this index that are on disk."""

    file: int
    done: int


class Verifying(msgspec.Struct, tag="verifying"):
    file: int


class Refetching(msgspec.Struct, tag="refetching"):
    """The file at this index was not what the hub promised and is fetched anew."""

    file: int


class DownloadFinished(msgspec.Struct, tag="finished"):
    """The directory holds the whole model, every hash checked, and its metadata.json."""


class DownloadReportedFailure(msgspec.Struct, tag="failed"):
    error: str
    message: str | Phrase
    details: dict[str, Any] = {}


Event = Resolved | DownloadProgress | Verifying | Refetching | DownloadFinished | DownloadReportedFailure

encode = msgspec.json.Encoder(enc_hook=as_phrase).encode
decode_plan = msgspec.json.Decoder(Plan).decode
decode_event = msgspec.json.Decoder(Event).decode
decode_request = msgspec.json.Decoder(DownloadRequest).decode
