"""What the kernel tells of a process's GPU buffers, in the forms that the two Intel drivers give it."""

import sys
from pathlib import Path

import pytest

from memory.gpu import GpuMemory, read_gpu_memory, read_shared_resident

MIB = 1024**2

XE_CARD = """pos:	0
flags:	02100002
mnt_id:	26
ino:	702
drm-driver:	xe
drm-client-id:	63
drm-pdev:	0000:03:00.0
drm-total-system:	0
drm-shared-system:	0
drm-total-gtt:	8 MiB
drm-resident-gtt:	2 MiB
drm-total-vram0:	5120 MiB
drm-shared-vram0:	0
drm-resident-vram0:	4096 MiB
drm-engine-ccs:	1402131 ns
"""
XE_OLDER = XE_CARD.replace("drm-resident", "drm-purgeable").replace("	63\n", "	64\n")
I915_INTEGRATED = """drm-driver:	i915
drm-client-id:	7
drm-pdev:	0000:00:02.0
drm-total-system0:	921600 KiB
drm-shared-system0:	0
drm-active-system0:	0
drm-resident-system0:	819200 KiB
drm-total-stolen-system0:	0
"""
NO_MEMORY = "drm-driver:	i915\ndrm-client-id:	7\ndrm-pdev:	0000:00:02.0\ndrm-engine-render:	9 ns\n"
TERMINAL = "pos:	0\nflags:	02\n"


@pytest.mark.skipif(sys.platform == "win32", reason="these files are Linux's alone")
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([XE_CARD], GpuMemory(4096 * MIB, 2 * MIB, told=True)),
        ([XE_CARD, XE_CARD, TERMINAL], GpuMemory(4096 * MIB, 2 * MIB, told=True)),
        ([XE_CARD, XE_OLDER], GpuMemory((4096 + 5120) * MIB, 10 * MIB, told=True)),
        ([I915_INTEGRATED], GpuMemory(0, 800 * MIB, told=True)),
        ([TERMINAL], GpuMemory()),
        ([NO_MEMORY], GpuMemory()),
    ],
)
def test_buffers_are_counted_once_a_client(tmp_path: Path, files: list[str], expected: GpuMemory) -> None:
    for directory in ("fd", "fdinfo"):
        (tmp_path / "42" / directory).mkdir(parents=True)
    for number, text in enumerate(files):
        (tmp_path / "42" / "fd" / str(number)).symlink_to("/dev/tty" if text == TERMINAL else "/dev/dri/renderD128")
        (tmp_path / "42" / "fdinfo" / str(number)).write_text(text, encoding="utf-8")
    assert read_gpu_memory(42, tmp_path) == expected


def test_a_system_that_does_not_tell_gives_nothing(tmp_path: Path) -> None:
    assert read_gpu_memory(42, tmp_path) == GpuMemory()
    assert read_shared_resident(42, tmp_path) == 0


def test_mapped_buffers_are_known(tmp_path: Path) -> None:
    (tmp_path / "42").mkdir()
    (tmp_path / "42" / "status").write_text("Name:\tpython\nRssFile:\t10 kB\nRssShmem:\t 2048 kB\n", encoding="utf-8")
    assert read_shared_resident(42, tmp_path) == 2 * MIB
