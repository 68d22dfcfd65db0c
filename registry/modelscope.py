"""What a revision of a model on ModelScope consists of; its files come over the same transfer. These calls block.

The API is that of ModelScope's own client (hub/api.py, get_model_files): each file with its size and SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import quote

import httpx2
import msgspec
from huggingface_hub import get_session

from notices import Notice
from registry.errors import GatedModel, HubUnreachable, LocalModelNotFound, RevisionNotFound
from registry.files import RemoteFile
from registry.hub import RemoteModel, unreachable
from registry.names import check_file_names
from registry.settings import HubSettings
from storage.files import BROKEN_FILE

DEFAULT_REVISION = "master"
_TOKEN_COOKIE = "m_session_id"  # by which ModelScope's client (HubApi.get_cookies) hands an access token over
_REFUSED = (401, 403)


class _File(msgspec.Struct, rename="pascal"):
    path: str
    type: str
    size: int = 0
    sha256: str = ""


class _Files(msgspec.Struct, rename="pascal"):
    files: list[_File]


class _Listing(msgspec.Struct, rename="pascal"):
    data: _Files


def resolve(settings: HubSettings, model_id: str, revision: str | None) -> RemoteModel:
    """As registry.hub.resolve, a refused token left away too. There is no commit of the whole: a hash of all file
    hashes stands for it."""
    wanted = revision or DEFAULT_REVISION
    headers = {"Cookie": f"{_TOKEN_COOKIE}={settings.token}"} if settings.token else {}
    response = _list_files(settings, model_id, wanted, headers)
    token_refused = bool(headers) and response.status_code in _REFUSED
    if token_refused:
        headers = {}
        response = _list_files(settings, model_id, wanted, headers)
    if response.status_code == 404 and revision:
        raise RevisionNotFound(Notice("notices.modelscope_no_revision", model=model_id, revision=revision))
    if response.status_code == 404:
        raise LocalModelNotFound(Notice("notices.modelscope_no_model", model=model_id))
    if response.status_code in _REFUSED:
        raise GatedModel(
            Notice("notices.modelscope_wants_token", model=model_id),
            license_url=f"{settings.endpoint}/models/{model_id}",
        )
    if response.is_error:
        raise HubUnreachable(
            Notice("notices.hub_status", endpoint=settings.endpoint, status=response.status_code, model=model_id)
        )
    try:
        listed = msgspec.json.decode(response.content, type=_Listing).data.files
    except BROKEN_FILE as error:
        raise HubUnreachable(Notice("notices.not_modelscope", endpoint=settings.endpoint)) from error
    files = tuple(RemoteFile(file.path, file.size, sha256=file.sha256) for file in listed if file.type == "blob")
    check_file_names([file.path for file in files])
    content = "".join(sorted(f"{file.path} {file.digest}\n" for file in files))
    return RemoteModel(
        id=model_id,
        commit=hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest(),
        files=files,
        files_url=f"{settings.endpoint}/models/{model_id}/resolve/{quote(wanted, safe='')}",
        default_revision=DEFAULT_REVISION,
        token=False,
        token_refused=token_refused,
        headers=headers,
    )


def _list_files(settings: HubSettings, model_id: str, revision: str, headers: Mapping[str, str]) -> httpx2.Response:
    url = f"{settings.endpoint}/api/v1/models/{model_id}/repo/files"
    try:
        return get_session().get(url, params={"Revision": revision, "Recursive": "true"}, headers=dict(headers))
    except httpx2.HTTPError as error:
        raise unreachable(settings, error) from error
