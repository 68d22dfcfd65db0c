"""Lists of models from the hub: its OpenVINO collections, and search. These calls block."""

from __future__ import annotations

from huggingface_hub import HfApi, get_session
from huggingface_hub.hf_api import ModelInfo
from huggingface_hub.utils import hf_raise_for_status

from notices import Notice
from registry.catalogue import CatalogueEntry, bundled_entries, guess_entry
from registry.errors import HubUnreachable
from registry.hub import Token, asked_with_token, translated
from registry.settings import HubSettings

OWNER = "OpenVINO"
_KINDS_BY_TITLE = (
    ("visual", "vlm"),
    ("vision", "vlm"),
    ("image", "image"),
    ("speech-to-text", "whisper"),
    ("text-to-speech", "tts"),
    ("embedding", "embedding"),
    ("rerank", "reranker"),
    ("llm", "llm"),
    ("draft", "llm"),
    ("language", "llm"),
)
_KINDS_BY_TASK = {
    "text-generation": "llm",
    "image-text-to-text": "vlm",
    "feature-extraction": "embedding",
    "sentence-similarity": "embedding",
    "text-ranking": "reranker",
    "automatic-speech-recognition": "whisper",
    "text-to-speech": "tts",
    "text-to-image": "image",
}


def collection_entries(settings: HubSettings) -> list[CatalogueEntry]:
    """Every model of the OpenVINO collections, once. Raises HubUnreachable."""
    if settings.kind == "modelscope":
        raise HubUnreachable(Notice("notices.modelscope_no_collections"))
    api = HfApi(endpoint=settings.endpoint)
    check_hub(settings)
    entries: dict[str, CatalogueEntry] = {}
    with translated(settings, OWNER):
        listed, token = asked_with_token(settings, lambda token: list(api.list_collections(owner=OWNER, token=token)))
        for collection in (api.get_collection(entry.slug, token=token) for entry in listed):
            kind = _kind_of_title(collection.title)
            for item in collection.items:
                if item.item_type == "model":
                    entry = guess_entry(item.item_id, kind=kind, collection=collection.title)
                    entries.setdefault(item.item_id, entry)
    return list(entries.values())


def search_models(settings: HubSettings, query: str, limit: int) -> list[CatalogueEntry]:
    """OpenVINO models whose id holds the query, the most pulled first. Raises HubUnreachable.

    ModelScope has no search that tells OpenVINO models: there the list that comes with the program is searched.
    """
    if settings.kind == "modelscope":
        return [entry for entry in bundled_entries() if query.lower() in entry.id.lower()][:limit]
    api = HfApi(endpoint=settings.endpoint)
    check_hub(settings)

    def ask(token: Token) -> list[ModelInfo]:
        return list(api.list_models(search=query, filter="openvino", sort="downloads", limit=limit, token=token))

    with translated(settings, query):
        return [_entry(info) for info in asked_with_token(settings, ask)[0]]


def check_hub(settings: HubSettings) -> None:
    """Ask the hub or mirror one small question, without the long retries of the library. Raises HubUnreachable."""
    with translated(settings, OWNER):
        if settings.kind == "modelscope":
            hf_raise_for_status(get_session().get(settings.endpoint))
            return
        response = get_session().get(f"{settings.endpoint}/api/models", params={"limit": 1})
        hf_raise_for_status(response)
    if "json" not in response.headers.get("content-type", ""):
        raise HubUnreachable(Notice("notices.not_a_hub", endpoint=settings.endpoint))


def _entry(info: ModelInfo) -> CatalogueEntry:
    tags = info.tags or []
    license_id = next((tag.partition(":")[2] for tag in tags if tag.startswith("license:")), None)
    kind = _KINDS_BY_TASK.get(info.pipeline_tag or "", "unknown")
    return guess_entry(info.id, kind=kind, license=license_id, downloads=info.downloads)


def _kind_of_title(title: str) -> str:
    return next((kind for word, kind in _KINDS_BY_TITLE if word in title.lower()), "unknown")
