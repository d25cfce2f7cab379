"""The question before anything listens where others can reach it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMessageBox

from app.dialogs.question import Question
from app.views.shell import Shell
from core.capture.records import Mode
from core.net.settings import ListenAddress


class NetworkQuestion:
    """Asks once for each address in a run."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._agreed: set[ListenAddress] = set()

    def agree(self, address: ListenAddress) -> None:
        """Note that the person lets others connect to this address in this run."""
        self._agreed.add(address)

    def is_settled(self, address: ListenAddress) -> bool:
        """Whether there is nothing to ask."""
        return address.is_loopback or address in self._agreed

    def ask(
        self,
        address: ListenAddress,
        kind: Mode,
        accepted: Callable[[], None],
        rejected: Callable[[], None] = lambda: None,
    ) -> None:
        """Call `accepted` at once if nothing is to be asked, else after the answer."""
        if self.is_settled(address):
            accepted()
            return
        translate = QCoreApplication.translate
        box = Question(
            translate("NetworkQuestion", "Others can reach this address"),
            translate("NetworkQuestion", "Let others connect on {address}?").format(address=address),
            f"{_consequences(kind)}\n\n"
            + translate("NetworkQuestion", "127.0.0.1 and localhost are for this machine alone."),
            self._shell.look.icons,
            self._shell.window,
        )

        def agreed() -> None:
            self.agree(address)
            accepted()

        words = translate("NetworkQuestion", "&Let others connect")
        box.add(words, QMessageBox.ButtonRole.AcceptRole, agreed)
        box.rejected.connect(rejected)
        box.open()


def _consequences(kind: Mode) -> str:
    translate = QCoreApplication.translate
    if kind is Mode.RELAY:
        return translate(
            "NetworkQuestion",
            "This address is not only this machine's. Everybody who can reach it over the network reaches the server "
            "behind the relay too, without a password of Unmask's, as if they sat at this machine.",
        )
    if kind is Mode.PROXY:
        return translate(
            "NetworkQuestion",
            "This address is not only this machine's. Everybody who can reach it over the network can go through the "
            "proxy to whatever this machine can reach. Demand a user and a password in the form of the proxy.",
        )
    return translate(
        "NetworkQuestion",
        "This address is not only this machine's. Everybody who can reach it over the network can connect, "
        "load the test page and send you anything, without a password. What goes over it is not encrypted.",
    )
