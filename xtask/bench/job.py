"""The job of the bench's scripts in Python, as one would write it for the day: a call a row, so many at a time.

Usage: job.py requests|aiohttp|stdlib read|write URL ROWS CONCURRENCY
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

HEADERS = {"THM-API-KEY": "sandbox-thm-key", "accept": "application/json"}


def call(work, row):
    """Method, path, query and body of a row's call."""
    if work == "read":
        return "GET", "/external/api/roomExists?roomCode=linux1", None
    return "POST", "/external/api/authenticate", {"extUserId": f"learner-{row:07}", "roomCode": "linux1"}


def in_threads(of_thread, rows, concurrency):
    import threading

    kept = threading.local()

    def one(row):
        if not hasattr(kept, "send"):
            kept.send = of_thread()
        kept.send(row)

    with ThreadPoolExecutor(concurrency) as pool:
        for _ in pool.map(one, range(rows)):
            pass


def with_requests(work, url, rows, concurrency):
    import requests

    def of_thread():
        session = requests.Session()
        session.trust_env = False

        def send(row):
            method, path, body = call(work, row)
            answer = session.request(method, url + path, json=body, headers=HEADERS)
            answer.raise_for_status()
            answer.json()

        return send

    in_threads(of_thread, rows, concurrency)


def with_stdlib(work, url, rows, concurrency):
    import http.client

    def of_thread():
        connection = http.client.HTTPConnection(url.removeprefix("http://"))

        def send(row):
            method, path, body = call(work, row)
            headers = HEADERS if body is None else HEADERS | {"content-type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 300:
                raise OSError(f"{answer.status}: {text!r}")
            json.loads(text)

        return send

    in_threads(of_thread, rows, concurrency)


def with_aiohttp(work, url, rows, concurrency):
    import asyncio

    import aiohttp

    async def worker(session, numbers):
        for row in numbers:
            method, path, body = call(work, row)
            async with session.request(method, url + path, json=body) as answer:
                answer.raise_for_status()
                await answer.json()

    async def main():
        connector = aiohttp.TCPConnector(limit=concurrency)
        async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:
            numbers = iter(range(rows))
            await asyncio.gather(*(worker(session, numbers) for _ in range(concurrency)))

    asyncio.run(main())


_, means, work, url, rows, concurrency = sys.argv
{"requests": with_requests, "aiohttp": with_aiohttp, "stdlib": with_stdlib}[means](
    work, url, int(rows), int(concurrency)
)
