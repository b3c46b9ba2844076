"""A real HTTP server on loopback that misbehaves as it is told to."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from urllib.parse import unquote, urlsplit

BODY = b"one,two\n1,2\n" * 40_000 + b"0"
TAG = '"v1"'


@dataclass
class Answer:
    """What the server does once."""

    body: bytes = BODY
    status: int = 200
    headers: dict = field(default_factory=lambda: {"content-type": "text/plain"})
    tag: str = TAG
    # After so many bytes the connection is closed, though more were announced.
    cut: int | None = None
    ranges: bool = True
    # What a 206 claims in place of the truth.
    content_range: str | None = None
    announced: bool = True
    # Seconds before the first byte, and before each piece.
    late: float = 0.0
    slow: float = 0.0
    # The second half waits for this.
    hold: Event | None = None


class Host(ThreadingHTTPServer):
    """Answers for each path from a list; the last answer is repeated."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, dict]] = []
        self.times: list[float] = []
        self.lock, self.now, self.most = Lock(), 0, 0
        self.url = f"http://127.0.0.1:{self.server_port}"

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.asked]

    def handle_error(self, *_):
        """A client that was killed is no error of the server's."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        host = self.server
        with host.lock:
            host.asked.append((self.path, dict(self.headers)))
            host.times.append(time.monotonic())
            host.now += 1
            host.most = max(host.most, host.now)
            queue = host.answers.get(unquote(urlsplit(self.path).path), [Answer(b"no", 404)])
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
        try:
            self.answer(answer)
        finally:
            with host.lock:
                host.now -= 1

    def answer(self, answer: Answer):
        time.sleep(answer.late)
        body, status, headers = answer.body, answer.status, dict(answer.headers)
        start = self.headers.get("Range")
        same = self.headers.get("If-Range", answer.tag) == answer.tag
        if start and answer.ranges and same and status == 200:
            first = int(start.removeprefix("bytes=").removesuffix("-"))
            status = 206
            headers["content-range"] = answer.content_range or f"bytes {first}-{len(body) - 1}/{len(body)}"
            body = body[first:]
        self.send_response(status)
        if answer.tag:
            headers["etag"] = answer.tag
        if answer.announced:
            headers["content-length"] = str(len(body))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        body = body[: answer.cut]
        for k in range(0, len(body), 20_000):
            time.sleep(answer.slow)
            if answer.hold and k > len(body) / 2:
                answer.hold.wait(60)
            self.wfile.write(body[k : k + 20_000])
        self.wfile.flush()

    def log_message(self, *_):
        pass


@contextmanager
def serving() -> Iterator[Host]:
    """Run a host until the block ends."""
    host = Host()
    thread = Thread(target=partial(host.serve_forever, poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.shutdown()
        host.server_close()
        thread.join()
