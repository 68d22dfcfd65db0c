"""What the admin page costs, and how soon it shows what happens.

    python -m benchmarks.page [--seconds 30] [--rate 50] [--tabs 3]

The real admin server in a process of its own, over stand-in device servers that answer without a model; a browser with
several tabs; clients that ask at a steady rate. Then first paint and weight of each screen, and how long it takes until
a killed device server, a cut connection and a failed pull are seen. Needs requirements-test.txt and a Chromium.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import Browser, Page

from benchmarks.machine import this_machine
from configuration.device_config import ConfigStore, Configuration, DeviceSettings
from tests.admin.browser import chromium
from tests.admin.proxy import CuttableRelay
from tests.admin.site import NO_HUB, add_model, assigned
from tests.model_files.tiny_models import make_llm
from tests.support.launch import PROJECT
from tests.support.ports import free_port

DEVICES = ("gpu", "npu", "cpu", "gpu1")
MODELS = 20
SCREENS = ("/", "/models", "/get", "/activity", "/activity/charts", "/logs", "/connect", "/settings", "/playground")
OPEN_TABS = ("/", "/activity", "/models")
START = """
import sys, main
sys.exit(main.main(sys.argv[2:], server_program=(sys.executable, sys.argv[1])))
"""
LONGEST_GAP = """milliseconds => new Promise((done) => {
  let last = performance.now(), longest = 0;
  const end = last + milliseconds;
  const step = (now) => {
    longest = Math.max(longest, now - last);
    last = now;
    if (now < end) requestAnimationFrame(step); else done(longest);
  };
  requestAnimationFrame(step);
})"""
PAINT_AND_WEIGHT = """async () => {
  const paint = await new Promise((done) => new PerformanceObserver((list) => {
    const first = list.getEntriesByName("first-contentful-paint")[0];
    if (first) done(first.startTime);
  }).observe({ type: "paint", buffered: true }));
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const loaded = entries.filter((each) => !each.name.includes("/api/events"));
  return [paint, loaded.reduce((sum, each) => sum + each.transferSize, 0)];
}"""


class Admin:
    """The admin's process, its address, and what its devices offer."""

    def __init__(self, process: subprocess.Popen[str], url: str, ports: dict[str, int], models: list[str]) -> None:
        self.process = process
        self.url = url
        self.ports = ports
        self.models = models

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def cpu_seconds(self) -> float:
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=50, help="requests a second")
    parser.add_argument("--tabs", type=int, default=3)
    options = parser.parse_args()
    machine = this_machine()
    print(f"{machine.processor}, {machine.logical_cores} logical cores, {machine.system}, Python {machine.python}\n")
    with tempfile.TemporaryDirectory() as folder, admin_process(Path(folder)) as admin, chromium() as browser:
        measure_screens(admin, browser)
        measure_load(admin, browser, options.seconds, options.rate, options.tabs)
        measure_disturbances(admin, browser)


@contextlib.contextmanager
def admin_process(folder: Path) -> Iterator[Admin]:
    """An admin with four devices and twenty models; each device offers five."""
    data_dir = folder / "data"
    (data_dir / "models").mkdir(parents=True)
    published = make_llm(folder / "published", rt_info={"mode": "int4_sym", "group_size": "128"})
    models = [f"OpenVINO/Model-{number}-int4-ov" for number in range(MODELS)]
    for model in models:
        add_model(data_dir / "models", model, published, size=1_000_000_000)
    ports = {name: free_port() for name in DEVICES}
    devices = {
        name: DeviceSettings(port=port, device=name.upper(), models=assigned(models[index::4]))
        for index, (name, port) in enumerate(ports.items())
    }
    ConfigStore(data_dir / "device_config.json").save(Configuration(devices=devices))
    stand_in = PROJECT / "tests" / "admin" / "device_server.py"
    command = [sys.executable, "-c", START, str(stand_in), "--data-dir", str(data_dir), "--port", "0"]
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=log, encoding="utf-8", env=_environment()
        )
    try:
        assert process.stdout is not None
        url = next(line.split()[-1] for line in process.stdout if "manage" in line)
        wait_until(lambda: all(device["state"] == "running" for device in _status(url)))
        yield Admin(process, url, ports, models)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def measure_screens(admin: Admin, browser: Browser) -> None:
    """Each in a browser context of its own: nothing is cached. The first visit does not count."""
    print("| screen | first contentful paint ms | KB transferred |\n| --- | ---: | ---: |")
    for path in SCREENS:
        paints: list[float] = []
        weight = 0.0
        for visit in range(4):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.goto(admin.url + path, wait_until="load")
            paint, weight = page.evaluate(PAINT_AND_WEIGHT)
            if visit:
                paints.append(paint)
            context.close()
        print(f"| {path} | {statistics.median(paints):.0f} | {weight / 1000:.0f} |")


def measure_load(admin: Admin, browser: Browser, seconds: float, rate: float, tabs: int) -> None:
    pages = [browser.new_page(viewport={"width": 1440, "height": 900}) for _ in range(tabs)]
    for number, page in enumerate(pages):
        page.goto(admin.url + OPEN_TABS[number % len(OPEN_TABS)])
        page.locator("#link[data-link=live]").wait_for()
    addresses = [
        (f"http://127.0.0.1:{port}/v1/chat/completions", admin.models[index])
        for index, port in enumerate(admin.ports.values())
    ]
    client = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.page_clients", str(seconds), str(rate), *(f"{u} {m}" for u, m in addresses)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    time.sleep(3)
    cpu, began = admin.cpu_seconds(), time.monotonic()
    gaps = [page.evaluate(LONGEST_GAP, 3000) for page in pages]
    delays = [_seen_after(pages[1 % tabs], *addresses[number % len(addresses)], number) for number in range(5)]
    time.sleep(max(0.0, seconds - 5 - (time.monotonic() - began)))
    share = (admin.cpu_seconds() - cpu) / (time.monotonic() - began)
    output, _ = client.communicate()
    print(f"\n{tabs} tabs, {len(admin.ports)} devices, {len(admin.models)} models, {output.strip()}")
    print(f"admin: {100 * share:.1f} % of a core, {_resident(admin) / 1e6:.0f} MB")
    median = statistics.median(delays)
    print(f"a request is on the page {median:.2f} s after its end (median), {max(delays):.2f} s at the latest")
    print(f"longest time without a frame in 3 s, by tab: {', '.join(f'{gap:.0f}' for gap in gaps)} ms")
    for page in pages:
        page.close()


def _seen_after(page: Page, url: str, model: str, number: int) -> float:
    if not page.url.endswith("/activity"):
        page.goto(page.url.rpartition("/")[0] + "/activity")
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    httpx.post(url, json=body, headers={"user-agent": f"Probe{number}"}, timeout=30)
    ended = time.monotonic()
    page.locator("#activity-rows tr", has_text=f"Probe{number}").first.wait_for()
    return time.monotonic() - ended


def measure_disturbances(admin: Admin, browser: Browser) -> None:
    with CuttableRelay(admin.port) as relay:
        page = browser.new_page()
        page.goto(relay.url)
        page.locator("#link[data-link=live]").wait_for()
        seconds = _time(lambda: _kill(admin), page, "#device-gpu .state:not([data-stage=running])")
        print(f"\na killed device server is shown after {seconds:.2f} s")
        page.locator("#device-gpu .state[data-stage=running]").wait_for()
        relay.closed = True
        print(f"a cut connection is shown after {_time(relay.cut, page, '#link[data-link=lost]'):.2f} s", end="")
        relay.closed = False
        print(f", and live again after {_time(lambda: None, page, '#link[data-link=live]'):.2f} s")
        page.goto(relay.url + "/get")
        page.locator("#model-id").fill("OpenVINO/Qwen3-8B-int4-ov")
        seconds = _time(lambda: page.locator("#model-id").press("Enter"), page, ".job[data-state=failed]")
        print(f"a pull from a hub that cannot be reached is shown as failed after {seconds:.2f} s")
        page.close()


def _kill(admin: Admin) -> None:
    pid = next(device["pid"] for device in _status(admin.url) if device["name"] == "gpu")
    psutil.Process(pid).kill()


def _time(act: Callable[[], object], page: Page, seen: str) -> float:
    began = time.monotonic()
    act()
    page.locator(seen).wait_for()
    return time.monotonic() - began


def _status(url: str) -> list[dict]:
    return httpx.get(f"{url}/api/status", timeout=30, trust_env=False).json()["devices"]


def _resident(admin: Admin) -> int:
    return psutil.Process(admin.process.pid).memory_info().rss


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUTF8": "1", "HF_ENDPOINT": NO_HUB}


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the device servers did not start")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
