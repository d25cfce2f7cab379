"""The page of a proxy: the certificate of the local authority to download, and how to let others trust it.

It has no script, loads nothing, and its style is allowed by hash (CSP Level 3 section 8.3).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.resources import files

from core.net.fronts.certificate_guide import (
    DER_NAME,
    P12_NAME,
    PEM_NAME,
    Guide,
    GuidePlaces,
    GuideStep,
    certificate_guides,
)
from core.protocol.handshake import Answer, refuse, serve


@dataclass(frozen=True, slots=True)
class PublicCertificate:
    """The authority's certificate, without its key, in the forms that systems want."""

    pem: bytes
    der: bytes
    p12: bytes
    """A trust store as Java reads it, without a password."""
    ends: str
    """The day on which it ends, such as `2036-11-25`."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, such as `0A:1B:…`."""
        return sha256(self.der).digest().hex(":").upper()


def certificate_page(method: str, path: str, certificate: PublicCertificate, places: GuidePlaces) -> Answer:
    """The answer to a request for this page or for one of its downloads. `path` is without a query."""
    answer = _answer(method, path, certificate, places)
    return answer.without_body() if method == "HEAD" else answer


def _answer(method: str, path: str, certificate: PublicCertificate, places: GuidePlaces) -> Answer:
    if method not in ("GET", "HEAD"):
        return refuse(405, "This page is only to be read.", extra_headers=[("Allow", "GET, HEAD")])
    downloads = {
        # By this type phones know that there is something to install.
        f"/{PEM_NAME}": ("application/x-x509-ca-cert", certificate.pem),
        f"/{DER_NAME}": ("application/x-x509-ca-cert", certificate.der),
        f"/{P12_NAME}": ("application/x-pkcs12", certificate.p12),
    }
    if path in downloads:
        content_type, body = downloads[path]
        name = path.removeprefix("/")
        return serve(
            200,
            content_type,
            body,
            [("Content-Disposition", f'attachment; filename="{name}"'), ("Cache-Control", "no-store")],
        )
    if path != "/":
        return refuse(404, f"There is no such page here; http://{places.place}/ is the only one.")
    style = (files("resources") / "web" / "certificate_page.css").read_bytes()
    page = _page(style.decode("utf-8"), certificate, places)
    return serve(200, "text/html; charset=utf-8", page.encode("utf-8"), _headers(style))


def _headers(style: bytes) -> list[tuple[str, str]]:
    policy = (
        "default-src 'none'",
        f"style-src 'sha256-{b64encode(sha256(style).digest()).decode()}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return [
        ("Content-Security-Policy", "; ".join(policy)),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
    ]


def _page(style: str, certificate: PublicCertificate, places: GuidePlaces) -> str:
    guides = "".join(map(_section, certificate_guides(places)))
    links = "".join(
        f'<li><a href="/{name}" download>{name}</a> <span>{escape(what)}</span></li>'
        for name, what in (
            (PEM_NAME, "PEM, for most programs"),
            (DER_NAME, "DER, for Windows and Android"),
            (P12_NAME, "PKCS #12, for Java; it holds no key and has no password"),
        )
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>Unmask: its certificate</title>'
        f"<style>{style}</style></head><body><main><h1>Unmask proxy {escape(places.place)}</h1>"
        "<p>This proxy opens TLS so that you can read your own traffic. Programs accept that only if they trust its "
        "authority, which exists on the machine of this proxy alone. Trust it on devices that are yours, and take it "
        "back when you are done: whoever has its key can read what those devices send.</p>"
        f"<ul class=files>{links}</ul>"
        f"<dl><dt>Name</dt><dd>{escape(places.authority)}</dd><dt>Valid until</dt><dd>{escape(certificate.ends)}</dd>"
        f"<dt>SHA-256</dt><dd class=digest>{certificate.fingerprint}</dd></dl>"
        f"{guides}</main></body></html>"
    )


def _section(guide: Guide) -> str:
    undo = f"<h3>Take it back</h3>{_steps(guide.undo)}" if guide.undo else ""
    return f"<details id={guide.key}><summary>{escape(guide.title)}</summary>{_steps(guide.steps)}{undo}</details>"


def _steps(steps: Sequence[GuideStep]) -> str:
    items = []
    for step in steps:
        lines = f"<pre>{escape(chr(10).join(step.lines))}</pre>" if step.lines else ""
        items.append(f"<li>{escape(step.text)}{lines}</li>")
    return f"<ol>{''.join(items)}</ol>"
