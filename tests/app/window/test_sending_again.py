"""Edit and resend, repeat, sequences, saved messages and raw frames, in the real window over the real engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot
from websockets.sync.client import ClientConnection

from app.actions.registry import ActionId
from app.dialogs.messages_dialog import MessagesDialog
from app.dialogs.repeat_dialog import RepeatDialog, SequenceDialog
from app.logic.compose import ComposeKind
from app.logic.raw_draft import Masking, RawDraft
from app.logic.variables import Variable
from app.window.desktop import Desktop
from core.net.connect_request import parse_url
from core.net.relay import Relay
from core.net.settings import ListenAddress
from core.net.sources import Source, SourceState, SourceStatus
from core.protocol.anatomy import Part
from core.protocol.frames import Opcode
from core.protocol.state import Role
from tests.tools.at_window import Connect, payloads, trigger
from tests.tools.raw_peer import RawPeer
from tests.tools.raw_server import RawServer


def shown(desktop: Desktop, kind: type[QDialog]) -> QDialog:
    return next(each for each in desktop.window.findChildren(kind) if each.isVisible())


def with_frames(desktop: Desktop, qtbot: QtBot, peer: ClientConnection, *texts: str) -> None:
    """The client has said these, and the first of them is current."""
    for text in texts:
        peer.send(text)
    qtbot.waitUntil(lambda: len(payloads(desktop)) == len(texts))
    desktop.window.frames.go_to_row(0)
    qtbot.waitUntil(lambda: desktop.window.composer.targets.recipients == (1,))


def test_a_frame_is_edited_and_sent_again(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    peer = client("/chat")
    with_frames(desktop, qtbot, peer, "hello", "other")
    trigger(desktop, ActionId.EDIT_AND_RESEND)
    composer = desktop.window.composer
    assert composer.kind() is ComposeKind.TEXT
    assert composer.editor.toPlainText() == "hello"
    composer.editor.set_text("hello again")
    composer.send()
    assert peer.recv(10) == "hello again"


def test_a_frame_is_taken_bit_by_bit(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    peer = client("/chat")
    with_frames(desktop, qtbot, peer, "hello")
    trigger(desktop, ActionId.EDIT_RAW)
    composer = desktop.window.composer
    assert composer.kind() is ComposeKind.RAW
    draft = composer.raw.draft()
    assert (draft.text, draft.masking) == ("68 65 6c 6c 6f", Masking.KEY)
    # The client masks; a server must not.
    qtbot.waitUntil(lambda: "mask-forbidden" in composer.status.text())
    composer.raw.set_draft(RawDraft(text="raw hello", every=3, pause_ms=1))
    qtbot.waitUntil(lambda: "in 4 pieces" in composer.amount.text())
    composer.send()
    assert peer.recv(10) == "raw hello"
    qtbot.waitUntil(lambda: payloads(desktop) == ["hello", "raw hello"])
    assert composer.kind() is ComposeKind.RAW
    assert composer.raw.draft().text == "raw hello"


def test_a_raw_frame_says_what_it_breaks_and_what_is_wrong_with_its_boxes(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    client("/chat")
    composer = desktop.window.composer
    qtbot.waitUntil(lambda: composer.targets.recipients == (1,))
    composer.compose_raw(RawDraft(text="x", opcode=0x3, rsv2=True))
    qtbot.waitUntil(lambda: "It breaks 2 rules: rsv2-set, opcode-reserved" in composer.status.text())
    assert composer.raw.violations.row_count() == 2
    assert composer.raw.diagram.field_at(composer.raw.diagram.center_of(Part.OPCODE)) is not None
    composer.raw.boxes.stated.setText("many")
    qtbot.waitUntil(lambda: "'many' is no length" in composer.status.text())
    assert not composer.send_button.isEnabled()


def test_a_raw_frame_can_begin_with_a_fault(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    client("/chat")
    composer = desktop.window.composer
    qtbot.waitUntil(lambda: composer.targets.recipients == (1,))
    composer.set_kind(ComposeKind.RAW)
    presets = composer.raw.presets
    names = [presets.itemText(row).partition(":")[0] for row in range(presets.count())]
    assert "mask-forbidden" in names
    assert "mask-missing" not in names
    presets.activated.emit(names.index("control-too-long"))
    assert presets.currentIndex() == 0
    assert composer.raw.draft().opcode == Opcode.PING
    qtbot.waitUntil(lambda: composer.status.text() == "It breaks a rule: control-too-long")


def test_a_relayed_target_has_two_sides(desktop: Desktop, qtbot: QtBot) -> None:
    composer = desktop.window.composer
    with RawServer() as server:
        relay = Relay(ListenAddress("127.0.0.1", 0), parse_url(f"{server.url}/chat"))
        with qtbot.waitSignal(desktop.engine.source, check_params_cb=is_running) as told:
            desktop.engine.start_source(Source(9, "relay", relay))
        with RawPeer(int(told.args[0].addresses[0].rpartition(":")[2])) as peer:
            peer.send(peer.request("/chat"))
            server.open()
            peer.head()
            qtbot.waitUntil(lambda: composer.targets.recipients == (1,))
            qtbot.waitUntil(lambda: not composer.bar.sides.isHidden())
            for side, end in ((Role.SERVER, server), (Role.CLIENT, peer)):
                composer.bar.sides.setCurrentIndex(composer.bar.sides.findData(side))
                composer.set_text("hi")
                composer.send()
                header = end.take(2)
                assert header == (b"\x81\x82" if side is Role.SERVER else b"\x81\x02")
                end.take(6 if side is Role.SERVER else 2)
            composer.compose_raw(RawDraft(text="x"))
            qtbot.waitUntil(lambda: composer.status.text() == "")
            assert composer.bar.sending_side[0] is Role.SERVER


def is_running(status: SourceStatus) -> bool:
    return status.id == 9 and status.state is SourceState.RUNNING


def test_what_stands_in_the_composer_is_sent_many_times(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    peer = client("/chat")
    composer = desktop.window.composer
    qtbot.waitUntil(lambda: composer.targets.recipients == (1,))
    composer.set_text("again")
    trigger(desktop, ActionId.REPEAT)
    dialog = shown(desktop, RepeatDialog)
    assert isinstance(dialog, RepeatDialog)
    dialog.times.setValue(5)
    dialog.amount.setValue(2)
    dialog.accept()
    assert not composer.progress.isHidden()
    qtbot.waitUntil(lambda: not desktop.window.repeating.is_running)
    assert [peer.recv(10) for _ in range(5)] == ["again"] * 5
    assert composer.progress.isHidden()
    assert composer.editor.toPlainText() == "again"


def test_a_repetition_can_be_stopped_and_ends_with_its_peer(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    peer = client("/chat")
    composer, window = desktop.window.composer, desktop.window
    qtbot.waitUntil(lambda: composer.targets.recipients == (1,))
    composer.set_text("again")
    ends: tuple[Callable[[], None], ...] = (lambda: trigger(desktop, ActionId.STOP_SENDING), peer.close)
    for end in ends:
        trigger(desktop, ActionId.REPEAT)
        dialog = shown(desktop, RepeatDialog)
        assert isinstance(dialog, RepeatDialog)
        dialog.unit.setCurrentIndex(1)
        dialog.amount.setValue(500)
        dialog.times.setValue(100_000)
        assert dialog.interval_seconds == pytest.approx(0.002)
        dialog.accept()
        assert peer.recv(10) == "again"
        end()
        qtbot.waitUntil(lambda: not window.repeating.is_running)
        assert " of 100 000" in window.banner.text.replace("\u202f", " ").replace("\u00a0", " ")


def test_selected_frames_are_sent_as_a_sequence(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    peer = client("/chat")
    with_frames(desktop, qtbot, peer, "one", "two", "three")
    desktop.window.frames.selectAll()
    trigger(desktop, ActionId.EDIT_AND_RESEND)
    dialog = shown(desktop, SequenceDialog)
    assert isinstance(dialog, SequenceDialog)
    dialog.speed.setCurrentIndex(dialog.speed.findData(0.0))
    dialog.times.setValue(2)
    dialog.pause.setValue(1)
    dialog.accept()
    qtbot.waitUntil(lambda: not desktop.window.repeating.is_running)
    assert [peer.recv(10) for _ in range(6)] == ["one", "two", "three"] * 2


def test_messages_are_kept_found_and_used(desktop: Desktop, client: Connect) -> None:
    client("/chat")
    window, composer = desktop.window, desktop.window.composer
    settings = window._settings
    settings.saved_connections = settings.saved_connections.with_variables((Variable("user", "Ada"),))
    trigger(desktop, ActionId.MESSAGES)
    dialog = window.resending.dialog
    assert isinstance(dialog, MessagesDialog)
    dialog.name.setText("empty")
    dialog.keep.click()
    assert "Nothing stands" in dialog.status.text()
    composer.set_text('{"hello": "{user}"}')
    dialog.name.setText("greeting")
    dialog.folder.setText("login / first")
    dialog.keep.click()
    composer.compose_raw(RawDraft(text="raw", opcode=9))
    dialog.name.setText("odd")
    dialog.folder.setText("")
    dialog.keep.click()
    assert [each.place for each in settings.saved_messages] == [("", "odd"), ("login/first", "greeting")]
    dialog.search.setText("HELLO")
    chosen = dialog.chosen()
    assert chosen is not None
    assert chosen.name == "greeting"
    dialog.use.click()
    assert dialog.isHidden()
    assert composer.editor.toPlainText() == '{"hello": "Ada"}'
    assert window.banner.text == "Filled in: {user}."
    trigger(desktop, ActionId.MESSAGES)
    dialog.search.clear()
    dialog.choose(("", "odd"))
    dialog.use.click()
    assert composer.raw.draft() == RawDraft(text="raw", opcode=9)
    trigger(desktop, ActionId.MESSAGES)
    dialog.choose(("", "odd"))
    dialog.remove.click()
    assert [each.name for each in settings.saved_messages] == ["greeting"]


@pytest.mark.parametrize(
    ("action", "word"),
    [
        (ActionId.EDIT_AND_RESEND, "No frame is selected"),
        (ActionId.EDIT_RAW, "No frame is selected"),
        (ActionId.SEND_SEQUENCE, "No frame is selected"),
    ],
)
def test_without_a_frame_the_banner_says_so(desktop: Desktop, action: ActionId, word: str) -> None:
    trigger(desktop, action)
    assert word in desktop.window.banner.text


def test_without_a_target_nothing_is_repeated(desktop: Desktop) -> None:
    trigger(desktop, ActionId.REPEAT)
    assert "No connection is open" in desktop.window.composer.status.text()
    assert not desktop.window.repeating.is_running
    assert desktop.window.composer.targets.sending_side == (Role.SERVER, None)
    assert Opcode.TEXT in {desktop.window.composer.raw.draft().opcode}
