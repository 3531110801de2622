"""Clients that stream answers over plain sockets, and note when each token came; run as a program of its own."""

import asyncio
import json
import sys
import time

_EVENT = b"data:"


async def one(host: str, port: int, body: bytes, arrivals: list[float]) -> int:
    """Stream one answer; returns how many tokens came."""
    reader, writer = await asyncio.open_connection(host, port)
    head = f"POST /generate_stream HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
    tokens = 0
    while chunk := await reader.read(65_536):
        came = chunk.count(_EVENT)
        arrivals += [time.monotonic()] * came
        tokens += came
    writer.close()
    return tokens


async def main(host: str, port: int, tokens: int) -> None:
    """Stream an answer to each prompt of standard input at once; print when tokens came, as JSON."""
    arrivals: list[float] = []
    prompts = json.load(sys.stdin)
    bodies = [json.dumps({"inputs": each, "parameters": {"max_new_tokens": tokens}}).encode() for each in prompts]
    counts = await asyncio.gather(*(one(host, port, body, arrivals) for body in bodies))
    json.dump({"tokens": sum(counts), "arrivals": sorted(arrivals)}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
