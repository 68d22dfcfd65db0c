"""What a pull has to say survives a restart in any language; lists of earlier versions hold plain English."""

import json
from pathlib import Path

from i18n.catalogues import Catalogues
from notices import Notice
from registry.errors import DownloadFailed
from registry.jobs import JobError, JobStore, PullJob

PROJECT = Path(__file__).resolve().parents[2]
TEXT = "The model cannot be stored: No space left on device."


def failed(message: str, note: str) -> PullJob:
    error = JobError(DownloadFailed.code, message, DownloadFailed.status)
    return PullJob("1", "org/name", None, "failed", 1.0, error=error, notes=(note,))


def test_notices_are_kept_with_key_and_values(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.json")
    error = OSError("No space left on device")
    store.save([failed(Notice("notices.model_not_stored", error=error), Notice("notices.pulled_without_token"))])
    (job,) = store.load()
    zh = Catalogues(PROJECT / "locales").get("zh-TW")
    assert zh is not None
    assert job.error is not None
    assert zh.say(job.error.message) == "無法儲存模型：No space left on device。"
    assert zh.say(job.notes[0]) == "模型站不接受存取權杖，因此未使用權杖下載。"
    shown = json.loads(json.dumps(job.as_dict()))
    assert (shown["error"]["message"], shown["notes"]) == (TEXT, ["The hub refuses the token: pulled without it."])


def test_an_earlier_versions_list_is_read(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.json")
    store.save([failed(TEXT, "An old note.")])
    assert json.loads((tmp_path / "jobs.json").read_text(encoding="utf-8"))[0]["error"]["message"] == TEXT
    (job,) = store.load()
    assert job.error is not None
    assert (job.error.message, job.notes) == (TEXT, ("An old note.",))
