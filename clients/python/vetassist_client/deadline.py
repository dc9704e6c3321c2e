"""A transport of httpx for threads, in which one deadline covers an exchange as a whole.

httpx limits each connect, read and write on its own. An answer that arrives byte by byte never
reaches such a limit. Here, each of them gets only what is left until the deadline.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, final

import httpcore
import httpx

_RESOLVERS: Final = 4


@final
class Deadline:
    """The deadline of the exchange in progress, in the current thread."""

    _at: Final[ContextVar[float]] = ContextVar("vetassist_client.deadline")

    @classmethod
    @contextmanager
    def after(cls, seconds: float) -> Iterator[None]:
        """Sets the deadline for the block."""
        token = cls._at.set(time.monotonic() + seconds)
        try:
            yield
        finally:
            cls._at.reset(token)

    @classmethod
    def left(cls, too_late: type[httpcore.TimeoutException]) -> float:
        """Returns the seconds that are left.

        Raises:
            httpcore.TimeoutException: Nothing is left. ``too_late`` is its type.
        """
        left = cls._at.get() - time.monotonic()
        if left <= 0:
            raise too_late
        return left


@final
class DeadlineStream(httpcore.NetworkStream):
    """A stream that passes what is left as each time-out."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, Deadline.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, Deadline.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        left = Deadline.left(httpcore.ConnectTimeout)
        return DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@final
class DeadlineBackend(httpcore.NetworkBackend):
    """Connects before the deadline, to the addresses of a host in turn."""

    def __init__(self, backend: httpcore.NetworkBackend | None = None) -> None:
        self._backend = backend or httpcore.SyncBackend()
        # The system's resolver has no deadline of ours, so it isn't waited for in this thread.
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="vetassist-resolver")

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._addresses(host, port)
        for position, address in enumerate(addresses, start=1):
            # An address that doesn't answer leaves time for the next one.
            share = Deadline.left(httpcore.ConnectTimeout) / (len(addresses) - position + 1)
            try:
                stream = self._backend.connect_tcp(
                    address, port, share, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if position == len(addresses):
                    raise
            else:
                return DeadlineStream(stream)
        raise httpcore.ConnectError("the host has no address")

    def close(self) -> None:
        """Ends the threads once they are idle."""
        self._resolvers.shutdown(wait=False)

    def _addresses(self, host: str, port: int) -> list[str]:
        asked = self._resolvers.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = asked.result(Deadline.left(httpcore.ConnectTimeout))
        except TimeoutError as error:
            asked.cancel()
            raise httpcore.ConnectTimeout from error
        except OSError as error:
            raise httpcore.ConnectError from error
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


@final
class DeadlineTransport(httpx.BaseTransport):
    """httpx's transport for HTTP/1.1, on a ``DeadlineBackend``."""

    def __init__(self, *, limits: httpx.Limits, ssl_context: ssl.SSLContext) -> None:
        self._backend = DeadlineBackend()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context,
            max_connections=limits.max_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=self._backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with _translated_errors():
            asked = httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.read(),
                # How long to wait for a connection of the pool.
                extensions={"timeout": {"pool": Deadline.left(httpcore.PoolTimeout)}},
            )
            answer = self._pool.handle_request(asked)
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer.iter_stream(), answer.close),
        )

    def close(self) -> None:
        self._pool.close()
        self._backend.close()


@final
class _Body(httpx.SyncByteStream):
    def __init__(self, chunks: Iterable[bytes], close: Callable[[], None]) -> None:
        self._chunks = chunks
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        with _translated_errors():
            yield from self._chunks

    def close(self) -> None:
        self._close()


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except httpcore.TimeoutException as error:
        raise httpx.TimeoutException(str(error)) from error
    except httpcore.ConnectError as error:
        raise httpx.ConnectError(str(error)) from error
    except httpcore.NetworkError as error:
        raise httpx.ReadError(str(error)) from error
    except httpcore.RemoteProtocolError as error:
        raise httpx.RemoteProtocolError(str(error)) from error
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        raise httpx.TransportError(str(error)) from error
