"""All built-in actions."""

from __future__ import annotations

from core.rules.action import ActionKinds
from core.rules.actions.changing import changing_actions
from core.rules.actions.handshake import handshake_actions
from core.rules.actions.passing import passing_actions
from core.rules.actions.sending import sending_actions


def default_actions() -> ActionKinds:
    """The built-in actions."""
    return ActionKinds((*sending_actions(), *changing_actions(), *passing_actions()), handshake_actions())
