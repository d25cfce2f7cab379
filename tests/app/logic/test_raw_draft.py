"""A raw frame as it is written in boxes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logic.compose import ComposeKind
from app.logic.raw_draft import (
    Form,
    Masking,
    RawDraft,
    fault_draft,
    frame_draft,
    outgoing_raw,
    raw_bytes,
    raw_frame,
    seen,
)
from core.errors import PayloadError
from core.probe.preset import FrameFault, Preset, Writer
from core.probe.registry import presets_of
from core.protocol.deflate import DeflateParameters
from core.protocol.frames import Frame, FrameDecoder, LengthForm, Opcode, make_frame
from core.protocol.outgoing import OutgoingRaw, Piece, RawEnd
from core.protocol.state import Role

KEY = bytes.fromhex("37fa213d")


def rules(raw: OutgoingRaw, sender: Role, deflate: DeflateParameters | None = None) -> list[str]:
    return [found.rule.id for found in seen(raw, sender, deflate).violations]


def test_an_untouched_page_makes_a_correct_frame_for_either_side() -> None:
    draft = RawDraft(text="Hello")
    for sender in Role:
        assert rules(outgoing_raw(draft, sender, KEY), sender) == []
    assert raw_bytes(draft, Role.SERVER, KEY) == b"\x81\x05Hello"
    assert raw_frame(draft, Role.CLIENT, KEY).masking_key == KEY


def test_each_box_has_its_place_in_the_frame() -> None:
    draft = RawDraft(
        payload_kind=ComposeKind.HEX,
        text="00 ff",
        opcode=0xB,
        fin=False,
        rsv1=True,
        rsv3=True,
        masking=Masking.KEY,
        key="37 fa 21 3d",
        length_form=LengthForm.SIXTY_FOUR_BIT,
        stated_length="1 000",
    )
    assert raw_frame(draft, Role.SERVER, b"....").wire().hex() == "5bff00000000000003e837fa213d3705"
    assert raw_frame(RawDraft(masking=Masking.NONE), Role.CLIENT, KEY).masking_key is None


def test_plain_bytes_go_out_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "bytes"
    file.write_bytes(b"\x00\x01")
    for kind, text, data in (
        (ComposeKind.TEXT, "GET /", b"GET /"),
        (ComposeKind.HEX, "81 00", b"\x81\x00"),
        (ComposeKind.FILE, str(file), b"\x00\x01"),
    ):
        draft = RawDraft(Form.BYTES, kind, text, opcode=9, stated_length="nonsense")
        assert raw_bytes(draft, Role.CLIENT, KEY) == data


def test_the_pace_is_that_of_the_boxes() -> None:
    draft = RawDraft(
        Form.BYTES, text="abcdef", cuts="1; 4", every=3, pause_ms=250, stop_after="5", end=RawEnd.RESET
    )
    assert outgoing_raw(draft, Role.SERVER, KEY) == OutgoingRaw(
        (Piece(b"a"), Piece(b"bc", 0.25), Piece(b"d", 0.25), Piece(b"e", 0.25)), RawEnd.RESET
    )


@pytest.mark.parametrize(
    ("draft", "sentence"),
    [
        (RawDraft(stated_length="many"), "'many' is no length"),
        (RawDraft(stated_length="-1"), "'-1' is no length"),
        (RawDraft(cuts="1, x"), "'x' is no place to cut at"),
        (RawDraft(stop_after="²"), "'²' is no number of bytes"),
        (RawDraft(masking=Masking.KEY, key="37 fa"), "4 bytes and this has 2"),
        (RawDraft(payload_kind=ComposeKind.HEX, text="0"), "stands alone"),
        (RawDraft(length_form=LengthForm.SEVEN_BIT, text="x" * 126), "0 to 125"),
        (RawDraft(payload_kind=ComposeKind.FILE), "No file is chosen"),
    ],
)
def test_what_is_wrong_with_a_box_is_said(draft: RawDraft, sentence: str) -> None:
    with pytest.raises(PayloadError, match=sentence):
        outgoing_raw(draft, Role.SERVER, KEY)


def test_what_goes_out_is_seen_as_the_receiver_sees_it() -> None:
    short = outgoing_raw(RawDraft(text="Hello", stated_length="3"), Role.SERVER, KEY)
    found = seen(short, Role.SERVER, None)
    assert [frame.payload for frame in found.frames] == [b"Hel", b""]
    # “lo” is read as a header, with RSV bits and a reserved opcode.
    assert "opcode-reserved" in [each.rule.id for each in found.violations]
    long = seen(outgoing_raw(RawDraft(text="Hello", stated_length="9"), Role.SERVER, KEY), Role.SERVER, None)
    assert long.first is not None
    assert long.first.truncated
    assert [each.rule.id for each in long.violations] == ["frame-truncated"]


def test_rsv1_is_right_where_compression_was_agreed_on() -> None:
    raw = outgoing_raw(RawDraft(payload_kind=ComposeKind.HEX, text="00", rsv1=True), Role.SERVER, KEY)
    assert rules(raw, Role.SERVER) == ["rsv1-set"]
    assert rules(raw, Role.SERVER, DeflateParameters()) == []


@given(
    head=st.integers(0, 255),
    key=st.none() | st.binary(min_size=4, max_size=4),
    payload=st.binary(max_size=60),
    form=st.sampled_from(LengthForm),
    missing=st.integers(0, 3),
)
def test_a_frame_in_the_boxes_is_bit_by_bit_the_one_that_was_seen(
    head: int, key: bytes | None, payload: bytes, form: LengthForm, missing: int
) -> None:
    frame = Frame(head, key, payload, int(form), len(payload) + missing)
    assert raw_bytes(frame_draft(frame), Role.SERVER, b"....") == frame.wire()


def test_plain_bytes_may_be_several_frames() -> None:
    two = make_frame(Opcode.PING).wire() + make_frame(Opcode.TEXT, b"a").wire()
    found = seen(
        outgoing_raw(RawDraft(Form.BYTES, ComposeKind.HEX, two.hex()), Role.SERVER, KEY), Role.SERVER, None
    )
    assert list(found.frames) == FrameDecoder(100).feed(two)


@pytest.mark.parametrize(
    ("preset", "sender"),
    [
        pytest.param(preset, sender, id=f"{preset.id}-{sender.name}".lower())
        for sender in Role
        for preset in presets_of(sender)
        if isinstance(preset.fault, FrameFault)
    ],
)
def test_the_boxes_of_a_fault_send_the_fault(preset: Preset, sender: Role) -> None:
    assert isinstance(preset.fault, FrameFault)
    raw = preset.fault.made(Writer(sender))
    again = outgoing_raw(fault_draft(raw), sender, KEY)
    assert [piece.data for piece in again.pieces] == [piece.data for piece in raw.pieces]
    assert [piece.after_seconds for piece in again.pieces] == [piece.after_seconds for piece in raw.pieces]
    assert again.end is raw.end
