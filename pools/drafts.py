"""Which model drafts for another, and why it cannot, where it cannot."""

from __future__ import annotations

from pathlib import Path

from configuration.device_config import DeviceSettings, ModelAssignment
from hardware.devices import ResolvedDevice
from model_files.drafts import own_drafts, proposed_tokens, tokenizers_differ
from model_files.facts import ModelFacts
from model_files.model_facts import read_facts
from notices import Notice
from pools.served_model import DraftModel
from registry.names import directory_name

_DEFAULT_TOKENS = 5

Found = tuple[DraftModel | None, str | None]
"""The draft, or a sentence that says why there is none although one was asked for."""


def find_draft(
    settings: DeviceSettings,
    assignment: ModelAssignment,
    facts: ModelFacts,
    directory: Path,
    data_dir: Path,
    device: ResolvedDevice,
) -> Found:
    """The draft of an assigned model. "auto" asks for none where none lies in its folder or where it cannot be used."""
    wanted = assignment.draft
    if wanted is None or facts.problem:
        return None, None
    problem = _no_place_for_one(assignment, facts, device)
    if wanted == "auto":
        drafts = [] if problem else own_drafts(directory)
        return _checked(directory, drafts[0], assignment) if len(drafts) == 1 else (None, None)
    if problem:
        return None, Notice("notices.draft_impossible", draft=wanted, reason=problem)
    there = next((data_dir / each.path for each in settings.models if each.id == wanted), None)
    found = (there or data_dir / "models" / directory_name(wanted)).resolve()
    if not found.is_dir():
        return None, Notice("notices.draft_missing", draft=wanted)
    return _checked(directory, found, assignment)


def _no_place_for_one(assignment: ModelAssignment, facts: ModelFacts, device: ResolvedDevice) -> str | None:
    if facts.kind != "llm":
        return Notice("notices.draft_language_models_only")
    if device.used.startswith("NPU"):
        return Notice("notices.draft_not_on_npu")
    if assignment.pipeline == "llm_pipeline":
        return Notice("notices.draft_needs_batching")
    if facts.kv and facts.kv.state_elements:
        return Notice("notices.draft_not_with_linear_attention")
    return None


def _checked(directory: Path, draft: Path, assignment: ModelAssignment) -> Found:
    if draft == directory:
        return None, Notice("notices.draft_is_itself")
    facts = read_facts(draft)
    head = facts.kind == "eagle3" and facts.unsupported  # not by itself, but as a draft
    if facts.problem and not head:
        return None, Notice("notices.draft_unusable", draft=draft.name, problem=facts.problem)
    if facts.kind != "llm" and not head:
        return None, Notice("notices.draft_no_language_model", draft=draft.name)
    try:
        differ = tokenizers_differ(directory, draft)
    except (OSError, ValueError) as error:
        return None, Notice("notices.draft_unusable", draft=draft.name, problem=error)
    if differ:
        return None, Notice("notices.draft_vocabulary", draft=draft.name)
    tokens = assignment.num_assistant_tokens or proposed_tokens(draft) or _DEFAULT_TOKENS
    return DraftModel(draft, facts, tokens), None
