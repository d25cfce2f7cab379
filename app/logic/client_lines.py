"""The lines that point a client at a source of Unmask, ready to paste."""

from __future__ import annotations

from dataclasses import dataclass

from core.capture.records import Mode

_ANY_HOST = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}


@dataclass(frozen=True, slots=True)
class ClientLine:
    """What to paste, and where."""

    place: str
    """The language or program; proper names, which are never translated."""
    text: str


def reachable(address: str) -> str:
    """HOST:PORT to which this machine can connect, where `address` is listened on."""
    host, colon, port = address.rpartition(":")
    return f"{_ANY_HOST.get(host, host)}{colon}{port}"


def client_lines(
    kind: Mode, address: str, target: str = "", *, secure: bool = False
) -> tuple[ClientLine, ...]:
    """Lines for a source that listens on `address`, or connects to `target`; the most usual first."""
    place = reachable(address)
    if kind is Mode.PROXY:
        return _proxy_lines(place)
    if kind is Mode.CONNECT:
        return (ClientLine("unmask", f"unmask --connect {_quoted(target)}"),)
    url = f"{'wss' if secure else 'ws'}://{place}/"
    return (
        ClientLine("URL", url),
        ClientLine("JavaScript", f'const socket = new WebSocket("{url}");'),
        ClientLine("Python", f'from websockets.sync.client import connect; socket = connect("{url}")'),
        ClientLine("curl", f"curl --no-buffer {_quoted(url)}"),
        ClientLine("websocat", f"websocat {_quoted(url)}"),
        ClientLine("wscat", f"wscat --connect {_quoted(url)}"),
    )


def _proxy_lines(place: str) -> tuple[ClientLine, ...]:
    url = f"http://{place}"
    host, _, port = place.rpartition(":")
    return (
        ClientLine("HTTP/HTTPS proxy", place),
        ClientLine("Linux, macOS", f"export http_proxy={url} https_proxy={url} all_proxy={url}"),
        ClientLine("Windows", f"netsh winhttp set proxy {place}"),
        ClientLine("Chromium", f'chromium --proxy-server={place} --proxy-bypass-list="<-loopback>"'),
        ClientLine("JavaScript", f"new WebSocket(url, {{ agent: new HttpsProxyAgent('{url}') }})"),
        ClientLine("Python", f'connect(url, proxy="{url}")'),
        ClientLine("curl", f"curl --proxy {url} https://example.com/"),
        ClientLine("Java", f"-Dhttps.proxyHost={host.strip('[]')} -Dhttps.proxyPort={port}"),
    )


def _quoted(text: str) -> str:
    """For a shell."""
    return "'" + text.replace("'", "'\\''") + "'" if set(text) & set(" '\"$&;|<>()*?[]#~`\\!{}") else text
