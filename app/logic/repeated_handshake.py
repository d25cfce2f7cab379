"""The connection that would repeat a recorded handshake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.logic.connect_draft import ConnectDraft, draft_of
from core.capture.legs import HeadPlace, HeadRecord, LegRecord
from core.capture.records import ConnectionRecord, Mode
from core.errors import CallerError
from core.protocol.http11 import parsed_request


@dataclass(frozen=True, slots=True)
class Repeated:
    """A draft, and what to look at before it is used."""

    draft: ConnectDraft
    is_masked: bool
    """Whether secrets in it are asterisks, which must be put in again."""
    was_for_us: bool
    """Whether the request was for Unmask as the server, so that its URL leads here."""


def repeated(record: ConnectionRecord, heads: Sequence[HeadRecord], legs: Sequence[LegRecord]) -> Repeated:
    """What connects as that connection did, to the server where there was one. Raises CallerError."""
    by_place = {head.place: head for head in heads}
    head = by_place.get(HeadPlace.SERVER_REQUEST) or by_place.get(HeadPlace.CLIENT_REQUEST)
    request = None if head is None else parsed_request(head.raw)
    if head is None or request is None:
        raise CallerError(f"Connection #{record.id} has no request that could be repeated.")
    is_secure = any(leg.side is head.place.side and leg.tls is not None for leg in legs)
    draft = draft_of("wss" if is_secure else "ws", request)
    return Repeated(draft, head.is_masked, record.mode is Mode.LISTEN)
