"""`unmask certificate`: prints the certificate of the local authority, or writes it to a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import BinaryIO

from app.terminal.standard_streams import say
from core.errors import ExportError, UnmaskError
from core.net.tls.authority import Authority, AuthorityStore


def add_certificate_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `unmask certificate`."""
    form = parser.add_mutually_exclusive_group()
    for name, text in (
        ("pem", "PEM, for most programs (the default)"),
        ("der", "DER, for Windows and Android"),
        ("p12", "PKCS #12, for Java; it holds no key and has no password"),
        ("spki", "the digest of its key, for --ignore-certificate-errors-spki-list of Chromium"),
    ):
        form.add_argument(
            f"--{name}", dest="form", action="store_const", const=name, default="pem", help=text
        )
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="where to write it (default: standard output)"
    )


def show_certificate(options: argparse.Namespace, folder: Path, out: BinaryIO | None) -> int:
    """Do as `unmask certificate` was told; gives the exit status. Raises UnmaskError.

    The authority is kept in `folder`, and made if there is none. `out` is the standard output.
    """
    authority = AuthorityStore(folder).authority()
    content = _in_form(authority, options.form)
    if options.file is not None:
        try:
            options.file.write_bytes(content)
        except OSError as error:
            raise ExportError(
                f"{options.file} cannot be written ({error.strerror}). Choose another place."
            ) from error
        say(f"wrote the certificate of {authority.name}, valid until {authority.ends:%Y-%m-%d}.")
        return 0
    if out is None:
        raise UnmaskError("The standard output is closed. Name a file to write the certificate to.")
    if options.form in ("der", "p12") and sys.stdout.isatty():
        raise UnmaskError("That form is no text to show on a terminal. Name a file to write it to.")
    out.write(content)
    out.flush()
    return 0


def _in_form(authority: Authority, form: str) -> bytes:
    if form == "der":
        return authority.der
    if form == "p12":
        return authority.p12
    return f"{authority.spki_sha256}\n".encode() if form == "spki" else authority.pem
