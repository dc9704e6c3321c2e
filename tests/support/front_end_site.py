"""A site on an origin of its own: the sample front end, the library, and pages of a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from typing import Final

from tests.support.javascript import LIBRARY, SAMPLE, made, npm
from tests.support.processes import HOST

#: Which the sample asks unless it is told otherwise.
_DEFAULT_SERVICE: Final = b"http://localhost:8000"
_PAGE: Final = """<!doctype html><title>Test</title><link rel="icon" href="data:,">
<script type="importmap">{"imports": {"vetassist-client": "/vetassist-client/index.js"}}</script>
<p id="outcome"></p><a id="try-again">Try again</a>
<script type="module">
const API = "http://localhost:8000";
%s
</script>"""


@dataclass
class Site:
    """A running site.

    Attributes:
        url: Its origin.
        service_url: What its pages ask.
        scripts: Pages that replace those of the sample, by path: a script of the library's user.
    """

    url: str
    service_url: str = ""
    scripts: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def showing(self, path: str, script: str) -> Iterator[None]:
        """Have a page of its own at the path, until the block ends."""
        self.scripts[path] = script
        try:
            yield
        finally:
            del self.scripts[path]

    def content(self, path: str) -> tuple[bytes, str]:
        """What is at a path, and its type."""
        if path in self.scripts:
            return (_PAGE % self.scripts[path]).encode(), "text/html"
        library, found = "/vetassist-client/", SAMPLE / "dist" / path.lstrip("/")
        if path.startswith(library):
            found = LIBRARY / "dist" / path.removeprefix(library)
        if not found.is_file():
            found = SAMPLE / "dist" / "index.html"
        return found.read_bytes(), guess_type(found)[0] or "text/plain"


@contextmanager
def front_end_site() -> Iterator[Site]:
    """Serve the site until the end. Skips the test if there is no Node or no registry."""
    made("examples/spa/node_modules/.installed")
    npm("run", "build", folder=SAMPLE)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content, kind = site.content(self.path.partition("?")[0])
            content = content.replace(_DEFAULT_SERVICE, site.service_url.encode())
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        site = Site(url=f"http://{HOST}:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
