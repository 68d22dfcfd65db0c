"""Asks device servers at a steady rate: `python -m benchmarks.page_clients SECONDS RATE "URL MODEL" …`."""

import asyncio
import sys

import httpx


async def main(seconds: float, rate: float, targets: list[tuple[str, str]]) -> None:
    """Prints how much was asked, and how much of it was answered."""
    loop = asyncio.get_running_loop()
    answered = 0
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:

        async def ask(url: str, model: str) -> None:
            nonlocal answered
            body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
            response = await client.post(url, json=body)
            answered += response.status_code == 200

        began = loop.time()
        tasks: list[asyncio.Task[None]] = []
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
            tasks.append(asyncio.create_task(ask(*targets[number % len(targets)])))
        await asyncio.gather(*tasks)
        elapsed = loop.time() - began
    print(f"{len(tasks) / elapsed:.1f} requests/s ({answered} of {len(tasks)} answered)")


if __name__ == "__main__":
    pairs = [argument.split(" ", 1) for argument in sys.argv[3:]]
    asyncio.run(main(float(sys.argv[1]), float(sys.argv[2]), [(url, model) for url, model in pairs]))
