"""The states of a connection, and the table of transitions between them (RFC 6455 sections 4 and 7)."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """A side of a connection."""

    CLIENT = 0
    SERVER = 1


def peer_of(role: Role) -> Role:
    """The other side."""
    return Role.CLIENT if role is Role.SERVER else Role.SERVER


class ReadyState(IntEnum):
    CONNECTING = 0
    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class Trigger(IntEnum):
    """What moves a connection from one state to another."""

    HANDSHAKE_ACCEPTED = 0
    HANDSHAKE_REFUSED = 1
    CLOSE_SENT = 2
    CLOSE_EXCHANGED = 3
    """A close frame has been both sent and received."""
    FAILED = 4
    """_Fail the WebSocket Connection_ (RFC 6455 section 7.1.7)."""
    EOF = 5


class IllegalTransitionError(Exception):
    """A bug in Unmask: a trigger that the current state does not allow."""


_S, _T = ReadyState, Trigger

TRANSITIONS: dict[tuple[ReadyState, Trigger], ReadyState] = {
    (_S.CONNECTING, _T.HANDSHAKE_ACCEPTED): _S.OPEN,
    (_S.CONNECTING, _T.HANDSHAKE_REFUSED): _S.CLOSED,
    (_S.CONNECTING, _T.EOF): _S.CLOSED,
    (_S.OPEN, _T.CLOSE_SENT): _S.CLOSING,
    (_S.OPEN, _T.CLOSE_EXCHANGED): _S.CLOSING,
    (_S.OPEN, _T.FAILED): _S.CLOSING,
    (_S.OPEN, _T.EOF): _S.CLOSED,
    (_S.CLOSING, _T.CLOSE_EXCHANGED): _S.CLOSING,
    (_S.CLOSING, _T.FAILED): _S.CLOSING,
    (_S.CLOSING, _T.EOF): _S.CLOSED,
    (_S.CLOSED, _T.EOF): _S.CLOSED,
}


def step(state: ReadyState, trigger: Trigger) -> ReadyState:
    """The state after `trigger`; raises IllegalTransitionError if the table has no such transition."""
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise IllegalTransitionError(f"{trigger.name} in state {state.name} has no transition") from None
