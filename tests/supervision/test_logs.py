import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from supervision.logs import MAX_LINE_CHARACTERS, DeviceLog, LogLine


async def take(lines: AsyncIterator[LogLine], count: int) -> list[str]:
    return [(await asyncio.wait_for(anext(lines), 10)).text for _ in range(count)]


def test_the_file_gets_every_line_and_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "日誌 資料夾" / "gpu.log"
    log = DeviceLog(path, max_bytes=1000, backups=2)
    for number in range(300):
        log.write(f"第 {number} 行")
    log.close()
    assert path.read_text(encoding="utf-8").splitlines()[-1] == "第 299 行"
    assert sorted(file.name for file in path.parent.iterdir()) == ["gpu.log", "gpu.log.1", "gpu.log.2"]
    assert all(len(file.read_text(encoding="utf-8").encode()) <= 1000 for file in path.parent.iterdir())


def test_memory_holds_the_latest_lines_with_growing_numbers() -> None:
    log = DeviceLog(None, keep=3)
    numbers = [log.write(str(number)).number for number in range(10)]
    assert numbers == list(range(numbers[0], numbers[0] + 10))
    assert [line.text for line in log.tail(2)] == ["8", "9"]
    assert log.tail(0) == []
    assert [line.text for line in log.after(numbers[0])] == ["7", "8", "9"]
    assert log.after(numbers[-1]) == []


def test_numbers_go_on_growing_after_a_restart() -> None:
    earlier = DeviceLog(None, clock=lambda: 1000.0).write("before")
    later = DeviceLog(None, clock=lambda: 1002.0).write("after")
    assert later.number > earlier.number


def test_a_very_long_line_is_cut_and_odd_text_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "gpu.log"
    log = DeviceLog(path)
    assert len(log.write("x" * 1_000_000).text) < MAX_LINE_CHARACTERS + 10
    log.write("100 %s {} \ud800")
    log.close()
    assert path.read_text(encoding="utf-8").splitlines()[-1] == r"100 %s {} \ud800"


def test_a_remark_has_the_form_of_a_log_line() -> None:
    assert DeviceLog(None).remark("WARNING", "gone").text.endswith(" WARNING supervisor: gone")


async def test_a_follower_sees_old_lines_then_new_ones_then_the_end() -> None:
    log = DeviceLog(None)
    log.write("one")
    follower = log.follow()
    assert await take(follower, 1) == ["one"]
    waiting = asyncio.ensure_future(take(follower, 2))
    await asyncio.sleep(0)
    log.write("two")
    log.write("three")
    assert await waiting == ["two", "three"]
    log.write("four")
    log.close()
    assert [line.text async for line in follower] == ["four"]


async def test_a_reconnecting_follower_goes_on_where_it_was() -> None:
    log = DeviceLog(None)
    seen = log.write("one").number
    log.write("two")
    assert await take(log.follow(seen), 1) == ["two"]


async def test_a_slow_follower_loses_lines_but_not_their_order() -> None:
    log = DeviceLog(None, keep=2)
    follower = log.follow()
    log.write("one")
    assert await take(follower, 1) == ["one"]
    for text in ("two", "three", "four"):
        log.write(text)
    assert await take(follower, 2) == ["three", "four"]


async def test_a_follower_that_leaves_is_forgotten() -> None:
    log = DeviceLog(None)
    log.write("one")
    follower = log.follow()
    await take(follower, 1)
    await follower.aclose()
    assert not log._followers
