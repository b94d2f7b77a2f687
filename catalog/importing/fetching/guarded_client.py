"""An HTTP client for addresses that strangers write. It contacts only hosts that the guard allows,
and every request has a limit on time, size and redirects."""

import ssl
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore2

from catalog.importing.fetching.guarded_streams import Deadline, GuardedBackend
from catalog.importing.fetching.network_guard import AddressRefused, NetworkGuard
from catalog.importing.fetching.web_address import AddressError, WebAddress

MAX_REDIRECTS = 5
KEEPALIVE_S = 5.0
USER_AGENT = "Vitrina/1 (photo search of a shop; fetches the files that its catalogue names)"
_REDIRECTS = {301, 302, 303, 307, 308}
_GZIP_OR_ZLIB = 47  # zlib's `wbits` that finds out which of the two it is
_PART = 65_536  # bytes that are decompressed at once


class FetchFailed(Exception):
    """An address was not fetched. The message is a sentence. `is_final`: it will fail again.
    `is_host_down`: the host answers nobody. `retry_after_s`: how long the server wants to be left
    alone."""

    def __init__(
        self,
        message: str,
        *,
        is_final: bool = False,
        is_host_down: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.is_final, self.is_host_down = is_final, is_host_down
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Answer:
    """The answer of a server: 200, or 304 to a conditional request. `headers` have names in lower
    case. `address` is the one after redirects. `parts` yields the body, decompressed, once. It
    raises FetchFailed, also if the body is larger than the limit."""

    address: WebAddress
    status: int
    headers: Mapping[str, str]
    parts: Iterator[bytes] = field(repr=False)

    def read(self) -> bytes:
        return b"".join(self.parts)


class GuardedClient:
    """Fetches files. Any number of threads may use it. It keeps connections open for a while.

    `time_limit_s` is for a whole request, redirects and body included. No proxy is used, whatever
    the environment says: a proxy would connect to hosts that the guard has not checked."""

    def __init__(self, guard: NetworkGuard, time_limit_s: float, connections: int = 16) -> None:
        self._guard = guard
        self._time_limit_s = time_limit_s
        self._deadline = Deadline()
        self._backend = GuardedBackend(guard, self._deadline)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpcore2.default_ssl_context(),
            max_connections=connections,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=self._backend,
        )

    @contextmanager
    def get(
        self, address: WebAddress, max_bytes: int, headers: Mapping[str, str] | None = None
    ) -> Iterator[Answer]:
        """Requests an address and follows redirects. The answer can be read within the context.
        Raises FetchFailed."""
        self._deadline.start(self._time_limit_s)
        with ExitStack() as stack:
            with _describe_failures(self._time_limit_s):
                address, response = self._follow(stack, address, headers or {})
                names = _read_headers(response)
                _check_status(response.status, names)
            body = _describe_each(response.iter_stream(), self._time_limit_s)
            yield Answer(address, response.status, names, _read_body(body, names, max_bytes))

    def post(self, address: WebAddress, body: bytes, headers: Mapping[str, str]) -> int:
        """Sends a body to an address, once. Returns the status, and follows no redirect. Raises
        FetchFailed."""
        self._deadline.start(self._time_limit_s)
        with _describe_failures(self._time_limit_s):
            self._guard.check_address(address)
            with self._request(address, headers, body) as response:
                return int(response.status)

    def _follow(
        self, stack: ExitStack, address: WebAddress, headers: Mapping[str, str]
    ) -> tuple[WebAddress, httpcore2.Response]:
        """Returns the first answer that is no redirect, with its address. It is open until `stack`
        is closed."""
        for _ in range(MAX_REDIRECTS + 1):
            self._guard.check_address(address)
            response = self._send(stack, address, headers)
            if response.status not in _REDIRECTS:
                return address, response
            location = _read_headers(response).get("location")
            stack.close()
            if not location:
                raise FetchFailed("The server redirects without saying where to.")
            address = address.join(location)
        raise FetchFailed(f"The address redirects more than {MAX_REDIRECTS} times.")

    def _send(
        self, stack: ExitStack, address: WebAddress, headers: Mapping[str, str]
    ) -> httpcore2.Response:
        """Sends a request, and sends it again if the connection breaks before the answer: a server
        may close a connection at the moment in which it is used again."""
        try:
            return stack.enter_context(self._request(address, headers))
        except (httpcore2.RemoteProtocolError, httpcore2.ReadError, httpcore2.WriteError):
            return stack.enter_context(self._request(address, headers))

    @contextmanager
    def _request(
        self, address: WebAddress, headers: Mapping[str, str], body: bytes | None = None
    ) -> Iterator[httpcore2.Response]:
        url = httpcore2.URL(
            scheme=address.scheme.encode(),
            host=address.host.encode(),
            port=address.port,
            target=address.target.encode(),
        )
        sent = {
            "Host": address.authority,
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",
            **headers,
        }
        timeout = {"pool": self._deadline.left()}
        with self._pool.stream(
            "GET" if body is None else "POST",
            url,
            headers=list(sent.items()),
            content=body,
            extensions={"timeout": timeout},
        ) as response:
            yield response

    def abort(self) -> None:
        """Ends all requests of other threads with FetchFailed."""
        self._backend.abort()

    def close(self) -> None:
        """Closes the connections. No request may be under way."""
        self._pool.close()


def _read_headers(response: httpcore2.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): _read_text(value) for name, value in response.headers}


def _read_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _check_status(status: int, headers: Mapping[str, str]) -> None:
    if status in (200, 304):
        return
    if status in (404, 410):
        raise FetchFailed(f"The server has no such file (status {status}).", is_final=True)
    raise FetchFailed(
        f"The server answered with the status {status}.",
        is_host_down=status in (429, 503),
        retry_after_s=_read_retry_after(headers.get("retry-after", "")),
    )


def _read_retry_after(value: str) -> float | None:
    """Returns the seconds of a header `Retry-After`, which has a number or a date (RFC 9110)."""
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    left = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)
    return max(0.0, left.total_seconds())


def _read_body(
    body: Iterator[bytes], headers: Mapping[str, str], max_bytes: int
) -> Iterator[bytes]:
    """Yields the decompressed body. Raises FetchFailed if it has more than `max_bytes`."""
    too_large = FetchFailed(f"The file is larger than {max_bytes / 1024**2:g} MB.")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > max_bytes:
        raise too_large
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip", "deflate"):
        body = _decompress(body)
    elif encoding not in ("", "identity"):
        raise FetchFailed(f"The server sends the encoding {encoding[:40]!r}, which is not known.")
    size = 0
    for part in body:
        size += len(part)
        if size > max_bytes:
            raise too_large
        yield part


def _decompress(body: Iterator[bytes]) -> Iterator[bytes]:
    """Decompresses in small parts, so that a few bytes cannot fill the memory."""
    stream = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        for data in body:
            while data and not stream.eof:
                if part := stream.decompress(data, _PART):
                    yield part
                data = stream.unconsumed_tail
    except zlib.error as error:
        raise FetchFailed("The server sends a damaged compressed file.") from error
    if not stream.eof:
        raise FetchFailed("The connection was cut off before the file was complete.")


def _describe_each(body: Iterator[bytes], time_limit_s: float) -> Iterator[bytes]:
    with _describe_failures(time_limit_s):
        yield from body


@contextmanager
def _describe_failures(time_limit_s: float) -> Iterator[None]:
    """Turns errors of the network into FetchFailed."""
    try:
        yield
    except AddressRefused as error:
        raise FetchFailed(str(error), is_final=True) from error
    except AddressError as error:
        raise FetchFailed(f"A redirect leads to a bad address: {error}.") from error
    except (httpcore2.ConnectTimeout, httpcore2.PoolTimeout) as error:
        raise FetchFailed(
            "The server cannot be reached: it does not answer.", is_host_down=True
        ) from error
    except (httpcore2.TimeoutException, TimeoutError) as error:
        raise FetchFailed(
            f"The server took more than {time_limit_s:g} s.", is_host_down=True
        ) from error
    except httpcore2.ConnectError as error:
        raise FetchFailed(_describe_connect_error(error), is_host_down=True) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError) as error:
        raise FetchFailed("The connection was cut off before the file was complete.") from error
    except OSError as error:
        raise FetchFailed(
            f"The host name cannot be resolved ({error.strerror or error}).", is_host_down=True
        ) from error


def _describe_connect_error(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The certificate of the server is not valid: {cause.verify_message}."
        cause = cause.__cause__ or cause.__context__
    return f"The server cannot be reached: {error}."
