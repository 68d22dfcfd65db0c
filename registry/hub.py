"""Questions to the hub, through huggingface_hub. Everything here blocks: call it from a thread or a child process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import httpx2
from huggingface_hub import HfApi, is_offline_mode, set_client_factory
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoSibling

from notices import Notice
from registry.errors import (
    GatedModel,
    HubUnreachable,
    InvalidModelName,
    LocalModelNotFound,
    RegistryError,
    RevisionNotFound,
    UnsafeRepository,
)
from registry.files import RemoteFile
from registry.names import check_file_names
from registry.settings import DEFAULT_ENDPOINT, HubSettings

TIMEOUT = httpx2.Timeout(30, connect=10)
_MAX_FILES = 5000
Token: TypeAlias = str | bool | None
T = TypeVar("T")


def _client() -> httpx2.Client:
    return httpx2.Client(follow_redirects=True, timeout=TIMEOUT)


set_client_factory(_client)  # the library's own client would wait for ever


@dataclass(frozen=True)
class RemoteModel:
    """One commit of a model repository. files_url: the address below which its files lie.

    token, headers: what the files are to be asked for with (False: anonymously).
    """

    id: str
    commit: str
    files: tuple[RemoteFile, ...]
    files_url: str
    default_revision: str = "main"
    license: str | None = None
    pipeline_tag: str | None = None
    gguf_architecture: str | None = None
    token: Token = None
    token_refused: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def hub_token(settings: HubSettings) -> Token:
    """The token given; else the one of a `hf auth login` (None), but that to its own hub only."""
    if settings.token:
        return settings.token
    return None if settings.endpoint == DEFAULT_ENDPOINT else False


def resolve(settings: HubSettings, model_id: str, revision: str | None) -> RemoteModel:
    """What a revision of a model consists of. A token the hub refuses is left away: public models need none.

    Raises ModelNotFound, RevisionNotFound, GatedModel, HubUnreachable, UnsafeRepository, InvalidModelName.
    """
    api = HfApi(endpoint=settings.endpoint)
    with translated(settings, model_id, revision):
        info, token = asked_with_token(
            settings, lambda token: api.model_info(model_id, revision=revision, files_metadata=True, token=token)
        )
    siblings = info.siblings or []
    if not info.sha:
        raise HubUnreachable(Notice("notices.hub_without_commits", endpoint=settings.endpoint))
    if len(siblings) > _MAX_FILES:
        raise UnsafeRepository(Notice("notices.too_many_files", model=model_id, count=len(siblings), most=_MAX_FILES))
    check_file_names([sibling.rfilename for sibling in siblings])
    files = tuple(_remote_file(settings, sibling) for sibling in siblings)
    license_id = info.card_data.get("license") if info.card_data else None
    return RemoteModel(
        id=model_id,
        commit=info.sha,
        files=files,
        files_url=f"{settings.endpoint}/{model_id}/resolve/{info.sha}",
        license=license_id if isinstance(license_id, str) else None,
        pipeline_tag=info.pipeline_tag,
        gguf_architecture=str(info.gguf["architecture"]) if info.gguf and "architecture" in info.gguf else None,
        token=token,
        token_refused=token is False and hub_token(settings) is not False,
    )


def _remote_file(settings: HubSettings, sibling: RepoSibling) -> RemoteFile:
    if sibling.lfs:
        return RemoteFile(sibling.rfilename, sibling.lfs.size, sha256=sibling.lfs.sha256)
    if sibling.size is None:
        raise HubUnreachable(Notice("notices.hub_without_sizes", endpoint=settings.endpoint))
    return RemoteFile(sibling.rfilename, sibling.size, blob_sha1=sibling.blob_id)


def asked_with_token(settings: HubSettings, ask: Callable[[Token], T]) -> tuple[T, Token]:
    """An answer and the token it took: a stale one gets 401 even for public models, so then none is tried."""
    token = hub_token(settings)
    try:
        return ask(token), token
    except HfHubHTTPError as error:
        if token is False or error.response.status_code != 401:
            raise
    return ask(False), False


@contextmanager
def translated(settings: HubSettings, model_id: str, revision: str | None = None) -> Iterator[None]:
    """The library's exceptions as ours, with sentences a user can act on."""
    if is_offline_mode():
        raise HubUnreachable(Notice("notices.hub_offline"))
    try:
        yield
    except HfHubHTTPError as error:
        raise _translate(error, settings, model_id, revision) from error
    except HFValidationError as error:
        raise InvalidModelName(Notice("notices.not_a_hub_id", model=model_id)) from error
    except httpx2.HTTPError as error:
        raise unreachable(settings, error) from error


def unreachable(settings: HubSettings, error: Exception) -> HubUnreachable:
    reason = str(error) or type(error).__name__
    return HubUnreachable(Notice("notices.hub_unreachable", endpoint=settings.endpoint, reason=reason))


def _translate(error: HfHubHTTPError, settings: HubSettings, model_id: str, revision: str | None) -> RegistryError:
    page = f"{settings.endpoint}/{model_id}"
    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        return GatedModel(
            Notice("notices.model_gated", model=model_id, page=page),
            license_url=page,
        )
    if isinstance(error, RevisionNotFoundError):
        return RevisionNotFound(Notice("notices.no_revision", model=model_id, revision=revision))
    if isinstance(error, RepositoryNotFoundError) or status in (401, 404):
        return LocalModelNotFound(Notice("notices.hub_no_model", endpoint=settings.endpoint, model=model_id))
    if status == 403:
        return GatedModel(Notice("notices.hub_refuses_token", model=model_id, page=page), license_url=page)
    if status == 429:
        return HubUnreachable(Notice("notices.hub_too_many_requests"))
    return HubUnreachable(Notice("notices.hub_status", endpoint=settings.endpoint, status=status, model=model_id))
