"""A request head as it may be told to anybody: recorded, exported, or quoted in a sentence.

Credentials for a proxy must not outlast the hop that they are for (RFC 9110 section 11.7.2), and those in a URL must
not be shown (section 4.2.4). Every byte of them becomes an asterisk, so that no offset moves; colons, spaces, line ends
and control characters stay, so that the head breaks the same rules in the same places.
"""

from __future__ import annotations

import re

from core.protocol.headers import TCHAR
from core.protocol.http11 import RequestHead, parsed_request

_MASK = b"*"
_VISIBLE = re.compile(rb"[^\x00-\x20\x7f:]")
_TCHAR = TCHAR.encode("ascii")
_BROKEN = rb"\r\n\x00\x0b\x0c"
"""Where some recipient may see a new line begin."""

_REQUEST_LINE = re.compile(rb"[\r\n]*+[" + _TCHAR + rb"]++ [^\n]+ HTTP/[0-9]\.[0-9]\r?\n")
"""Where it is one, a name in it is no header's."""
_LATER_LINE = re.compile(
    rb"[" + _TCHAR + rb"]++ (?:[a-z][a-z0-9+.\-]*+://[^\n]*+|[^\n]+ HTTP/[0-9]\.[0-9](?=\r?\n))",
    re.IGNORECASE,
)
"""That of another request, wherever that begins. One with a whole URL may be cut off."""
_LINE = b"- - HTTP/1.0\r\n"
_LONGEST_LINE = 1024
_NAME = b"proxy-authorization"
# Not a line feed, unless the line goes on behind it.
_SPACE = rb"(?:[ \t\r]|\n(?=[ \t]))"
_NO_TOKEN = rb"(?:[^\n:" + _TCHAR + rb"]|\n(?=[ \t:]))"
_HEADER = re.compile(
    # At the beginning of a line the name is enough. Elsewhere it needs its colon, since it may be one of a list.
    rb"((?:(?:\A|[" + _BROKEN + rb"])[^" + _TCHAR + _BROKEN + rb"]*+" + _NAME + rb"(?![" + _TCHAR + rb"])"
    rb"|(?<!["
    + _TCHAR
    + rb"])"
    + _NAME
    + rb"(?=(?:(?!,)"
    + _NO_TOKEN
    + rb")*+:))"
    + _NO_TOKEN
    + rb"*+:?"
    + _SPACE
    + rb"*+"
    rb"(?:(?:basic|bearer|digest|negotiate|ntlm)" + _SPACE + rb"++)?+)"
    # RFC 9112 section 5.2: a line that begins with a space goes on with the one before it. A line without a colon is
    # taken for more of it too: some clients break long base64.
    rb"([^\n]*+(?:\n(?:[ \t][^\n]*+|[^:\r\n][^:\n]*+(?=\n|\Z)))*+)",
    re.IGNORECASE,
)
_USERINFO = re.compile(
    # Method and scheme, either of which may be missing.
    rb"(\A\s*+(?:[^\s:/?#]*+[ \t]++)?+(?:[a-z][a-z0-9+.\-]*+:/++)?+)"
    # Up to the @ of the authority; up to any @ if what looks like a port is no number, but a password.
    rb"([^/?#\n]*(?=@)|(?!\[)[^/?#\n:@]*+:(?![0-9]{0,5}(?:[/?#\s]|\Z))[^\n]*(?=@))",
    re.IGNORECASE,
)
_CONNECT_USERINFO = re.compile(rb"(\A\s*+connect[ \t]++)([^\n]*(?=@))", re.IGNORECASE)
_HOST_USERINFO = re.compile(rb"(\n[ \t]*+host[ \t]*+:[ \t]*+)([^\n]*(?=@))", re.IGNORECASE)


def without_credentials(raw: bytes) -> bytes:
    """A request head, or its beginning, with each byte of credentials replaced by `*`."""
    if _NAME in raw.lower():
        line = _REQUEST_LINE.match(raw)
        at = line.end() if line else 0
        raw = raw[:at] + _HEADER.sub(_masked, raw[at:])
    if b"@" in raw:
        for pattern in (_CONNECT_USERINFO, _USERINFO, _HOST_USERINFO):
            raw = pattern.sub(_masked, raw)
    return raw


def told_refused(raw: bytes) -> bytes:
    """A request that was refused for its head, with whatever came with that: further requests may be among it."""
    raw = without_credentials(raw)
    return _LATER_LINE.sub(lambda line: without_credentials(line[0]), raw) if b"@" in raw else raw


def last_line(head: bytes) -> bytes:
    """What `told_behind` needs of a head that was never complete."""
    if len(head) <= _LONGEST_LINE and b"\n" not in head:
        return head
    return _LINE + head[-_LONGEST_LINE:].rpartition(b"\n")[2]


def told_behind(last: bytes, behind: bytes) -> bytes:
    """What came behind a refused request: the rest of its head or of its body, further requests, or anything.

    `last` is the `last_line` of what was told of a head that was never complete; b"" if it was.
    """
    last = last or _LINE + b"\r\n"
    return told_refused(last + behind)[len(last) :]


def _masked(found: re.Match[bytes]) -> bytes:
    return found[1] + _VISIBLE.sub(_MASK, found[2])


def told_head(request: RequestHead) -> RequestHead:
    """The request without credentials; itself if it has none. What is read of it breaks the same rules."""
    raw = without_credentials(request.raw)
    if raw == request.raw:
        return request
    told = parsed_request(raw)
    assert told is not None, "masking changes no structure"
    return told
