"""`update`: another version from an archive or by git, tried before the old one is given up. The project is a small one
with the same entry points, so that its real processes start at once."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from commands.updating import release, trial
from commands.updating.release import FOLDER, MANIFEST, UpdateFailed
from commands.updating.update import update
from tests.support.launch import PROJECT
from tools.build_release import build, names

VERSION = "import sys\nprint({version!r})\n"
MAIN = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
if "status" in sys.argv:
    print(json.dumps({{"running": {running}}}))
    sys.exit(0)
if {broken!r}:
    sys.exit({broken!r})
class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
server = HTTPServer(("127.0.0.1", 0), Health)
print(f"  manage   http://127.0.0.1:{{server.server_port}}\\n  Ctrl-C stops everything.", flush=True)
server.serve_forever()
"""


def write(folder: Path, version: str, *, broken: str = "", running: bool = False, more: str = "") -> dict[str, bytes]:
    """A project of that version; its files. `more`: the name of one that only it has."""
    files = {
        "version.py": f'__version__ = "{version}"\n',
        "bootstrap.py": VERSION.format(version=version),
        "server_app.py": VERSION.format(version=version),
        "gateway_app.py": VERSION.format(version=version),
        "main.py": MAIN.format(broken=broken, running=running),
        "web/page.py": f"# {version}\n",
        **({more: "new\n"} if more else {}),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return {name: text.encode("utf-8") for name, text in files.items()}


def manifest(version: str, files: dict[str, bytes]) -> bytes:
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return json.dumps({"version": version, "files": hashes}).encode("utf-8")


Pack = Callable[..., str]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """A release archive; its path."""

    def pack(version: str, form: str = "zip", **how: str) -> str:
        folder = tmp_path / f"packed {version}" / f"suite-{version}"
        files = write(folder, version, **how)  # pyright: ignore[reportArgumentType]
        (folder / MANIFEST).write_bytes(manifest(version, files))
        return shutil.make_archive(str(tmp_path / f"suite-{version}"), form, folder.parent)

    return pack


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Version 1, as unpacked from its archive, with what its user keeps beside it."""
    folder = tmp_path / "使用者 suite"
    files = write(folder, "1.0.0", more="web/old.py")
    (folder / MANIFEST).write_bytes(manifest("1.0.0", files))
    (folder / "device_config.json").write_text("{}", encoding="utf-8")
    (folder / "models").mkdir()
    (folder / "models" / "mine.bin").write_bytes(b"x")
    return folder


def run(
    project: Path, archive: str | None = None, *, check: bool = False, sha256: str | None = None
) -> tuple[int, str]:
    said: list[str] = []
    options = argparse.Namespace(archive=archive, check=check, sha256=sha256, data_dir=project)
    return update(project, options, said.append), "\n".join(said)


def state(project: Path) -> dict[str, bytes]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and ".git" not in path.parts
    }


@pytest.mark.parametrize("form", ["zip", "gztar"])
def test_a_new_version_takes_the_place_of_the_old_one(project: Path, pack: Pack, form: str) -> None:
    before = state(project)
    archive = pack("2.0.0", form, more="web/more/new.py")
    assert run(project, archive, check=True) == (0, "Installed: 1.0.0. Archive: 2.0.0.")
    assert state(project) == before
    code, said = run(project, archive, sha256=hashlib.sha256(Path(archive).read_bytes()).hexdigest())
    assert (code, "2.0.0 is installed" in said) == (0, True), said
    after = state(project)
    assert b"2.0.0" in after["version.py"]
    assert "web/more/new.py" in after
    assert "web/old.py" not in after
    assert (after["device_config.json"], after["models/mine.bin"]) == (b"{}", b"x")
    assert not (project / FOLDER).exists()
    assert release.installed(project) == release.Release(project, "2.0.0", release._read_manifest(project).files)


def test_a_version_that_does_not_start_is_backed_out(project: Path, pack: Pack) -> None:
    before = state(project)
    code, said = run(project, pack("2.0.0", broken="no such module", more="web/more/new.py"))
    assert code == 1
    assert "no such module" in said
    assert "backed out" in said
    assert state(project) == before
    assert not (project / "web" / "more").exists() or not any((project / "web" / "more").iterdir())


def test_an_interrupted_update_is_backed_out_by_the_next(project: Path, pack: Pack) -> None:
    before = state(project)
    (project / FOLDER).mkdir()
    new = release.unpack(pack("2.0.0", more="web/new.py"), project / FOLDER, None)
    release.swap(project, release.installed(project), new)
    assert state(project) != before
    code, said = run(project, pack("3.0.0"), check=True)
    assert (code, "interrupted" in said) == (0, True)
    assert state(project) == before


def test_what_was_changed_here_is_not_overwritten(project: Path, pack: Pack) -> None:
    (project / "web" / "page.py").write_text("# mine\n", encoding="utf-8")
    before = state(project)
    code, said = run(project, pack("2.0.0"))
    assert (code, "web/page.py" in said) == (1, True)
    assert state(project) == before


def test_a_suite_that_runs_is_not_updated(project: Path, pack: Pack) -> None:
    (project / "main.py").write_text(MAIN.format(broken="", running=True), encoding="utf-8")
    code, said = run(project, pack("2.0.0"))
    assert (code, "main.py stop" in said) == (4, True)


@pytest.mark.parametrize("name", ["../outside.py", "/etc/x", "C:/x.py", "a\\..\\b.py", "a/../../b.py"])
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_an_archive_stays_in_its_folder(project: Path, tmp_path: Path, name: str, form: str) -> None:
    archive, before = tmp_path / f"bad.{form}", state(tmp_path)
    if form == "zip":
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr(f"top/{name}", "x")
    else:
        with tarfile.open(archive, "w") as packed:
            packed.addfile(tarfile.TarInfo(f"top/{name}"))
    assert run(project, str(archive))[0] == 1
    archive.unlink()
    assert state(tmp_path) == before


def test_a_damaged_archive_is_refused(project: Path, pack: Pack, tmp_path: Path) -> None:
    archive = Path(pack("2.0.0"))
    wrong, said = run(project, str(archive), sha256="0" * 64)
    assert (wrong, "SHA-256" in said) == (1, True)
    assert run(project, str(tmp_path / "nowhere.zip"))[0] == 1
    assert "https only" in run(project, "http://192.0.2.1/x.zip")[1]
    cut = tmp_path / "cut.zip"
    cut.write_bytes(archive.read_bytes()[:-200])
    assert run(project, str(cut))[0] == 1
    folder = tmp_path / "other" / "top"
    files = write(folder, "2.0.0")
    (folder / MANIFEST).write_bytes(manifest("2.0.0", files))
    (folder / "main.py").write_text("other", encoding="utf-8")
    assert "damaged" in run(project, shutil.make_archive(str(tmp_path / "other"), "zip", folder.parent))[1]
    assert b"1.0.0" in state(project)["version.py"]


def test_without_git_an_archive_must_be_named(project: Path) -> None:
    code, said = run(project)
    assert (code, "release archive" in said) == (1, True)


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("broken", ["", "it is broken"])
def test_a_checkout_follows_its_branch(tmp_path: Path, broken: str) -> None:
    origin, here = tmp_path / "origin", tmp_path / "here"
    write(origin, "1.0.0")
    git(tmp_path, "init", "-q", "-b", "main", str(origin))
    for _ in range(2):
        git(origin, "add", "-A")
        git(origin, "commit", "-q", "-m", "A change")
        if not here.exists():
            git(tmp_path, "clone", "-q", str(origin), str(here))
            assert run(here) == (0, "There is nothing new.")
            write(origin, "2.0.0", broken=broken)
    before = state(here)
    assert "checkout of git" in run(here, str(tmp_path / "any.zip"))[1]
    (here / "main.py").write_text("mine", encoding="utf-8")
    assert "main.py" in run(here)[1]
    git(here, "checkout", "-q", "main.py")
    code, said = run(here)
    assert "A change" in said
    assert (code, b"2.0.0" in state(here)["version.py"]) == ((1, False) if broken else (0, True)), said
    assert (state(here) == before) is bool(broken)


def test_the_real_release_lists_what_it_takes_to_run(tmp_path: Path) -> None:
    written = build(PROJECT, tmp_path / "one")
    assert [path.read_bytes() for path in written] == [path.read_bytes() for path in build(PROJECT, tmp_path / "two")]
    archives = [path for path in written if path.suffix != ".sha256"]
    unpacked = []
    for index, archive in enumerate(archives):
        folder = tmp_path / str(index)
        folder.mkdir()
        unpacked.append(release.unpack(str(archive), folder, None))
    assert unpacked[0].files == unpacked[1].files
    listed = set(names(PROJECT))
    assert {"main.py", "bootstrap.py", "locales/zh-TW.json", "models/demo_server-guide/openvino_model.bin"} < listed
    assert not any(
        name.startswith(("tests/", "tools/", "benchmarks/", ".")) or "__pycache__" in name for name in listed
    )
    sums = next(path for path in written if path.suffix == ".sha256").read_text(encoding="ascii").split()
    assert sums[::2] == [hashlib.sha256(path.read_bytes()).hexdigest() for path in archives]


def test_the_real_suite_starts_from_its_archive(tmp_path: Path) -> None:
    archive = next(path for path in build(PROJECT, tmp_path) if path.suffix == ".zip")
    folder = tmp_path / "空 folder"
    folder.mkdir()
    unpacked = release.unpack(str(archive), folder, None)
    trial.try_start(unpacked.folder, unpacked.folder)
    (unpacked.folder / "admin_server.py").write_text("import no_such_module\n", encoding="utf-8")
    with pytest.raises(UpdateFailed, match="no_such_module"):
        trial.try_start(unpacked.folder, unpacked.folder)


def test_it_needs_the_standard_library_only() -> None:
    """While packages are replaced, none of them may be in use."""
    code = (
        "import sys; before = set(sys.modules); import commands.updating.update; "
        "new = [sys.modules[name] for name in set(sys.modules) - before]; "
        "print([each.__name__ for each in new if 'site-packages' in (getattr(each, '__file__', None) or '')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, encoding="utf-8", env={**os.environ}
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
