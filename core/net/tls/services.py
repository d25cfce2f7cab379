"""All that the engine needs for TLS, in one value."""

from __future__ import annotations

from core.net.settings import is_loopback
from core.net.tls.authority import AuthorityStore
from core.net.tls.contexts import server_context
from core.net.tls.credentials import read_credentials
from core.net.tls.leaves import Leaves
from core.net.tls.private_pem import load_chain
from core.net.tls.server import Choose, Meeting
from core.net.tls.settings import ServerTls, TlsSettings
from core.net.tls.trust import Trust


class TlsServices:
    """Whom to trust, and who vouches for Unmask. Lives on the loop's thread."""

    def __init__(self, settings: TlsSettings) -> None:
        """Nothing is read or written before it is needed."""
        self._begin(settings)

    def set_settings(self, settings: TlsSettings) -> None:
        """Applies to new connections."""
        if settings != self.settings:
            self._begin(settings)

    def _begin(self, settings: TlsSettings) -> None:
        self.settings = settings
        self.trust = Trust(settings)
        self.store = AuthorityStore(settings.authority_folder)
        """The local authority."""
        self.leaves = Leaves(self.store, settings.key_log)

    def leaf_for(self, host: str) -> Choose:
        """The authority's certificate for the name that a client asks for, or for `host` where it asks for none."""
        # Who connects to a loopback address may call it by any of its names.
        default = "localhost" if is_loopback(host) else host
        return lambda hello: self.leaves.context(hello.server_name or default)

    def meeting(self, tls: ServerTls, seconds: float) -> Meeting:
        """How the clients of a source are met; a handshake may take `seconds`.

        Raises CertificateError if there is no certificate that can be used.
        """
        if tls.certificate is None:
            # Made now, so that a failure is the source's and not that of its first client.
            self.store.authority()
            return Meeting(self.leaf_for, seconds)
        credentials = read_credentials(tls.certificate, tls.key, tls.password)
        context = server_context(self.settings.key_log)
        load_chain(context, credentials.pem)
        return Meeting(lambda _host: lambda _hello: context, seconds)
