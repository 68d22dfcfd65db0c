import os
import threading

from devices.lifeline import watch_stdin


def test_lines_come_whole_and_the_end_comes_once() -> None:
    reading, writing = os.pipe()
    lines: list[str] = []
    ended = threading.Event()
    thread = watch_stdin(ended.set, lines.append, descriptor=reading)
    for part in (b"dr", b"ain\r\n", "再見\nunfinished".encode()):
        os.write(writing, part)
    os.close(writing)
    assert ended.wait(10)
    thread.join(10)
    os.close(reading)
    assert lines == ["drain", "再見"]


def test_a_closed_descriptor_is_the_end() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    os.close(reading)
    ended = threading.Event()
    watch_stdin(ended.set, descriptor=reading)
    assert ended.wait(10)
