from pathlib import Path

from configuration.suggested_command import PROJECT, suggested_command


def test_it_means_this_data_directory(tmp_path: Path) -> None:
    folder = tmp_path / "資料 夾"
    assert suggested_command("assign a/b gpu", folder) == f'main.py assign a/b gpu --data-dir "{folder.resolve()}"'
    assert suggested_command("keys list", PROJECT, python="python") == "python main.py keys list"
