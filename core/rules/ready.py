"""A rule that can be asked."""

from __future__ import annotations

from dataclasses import dataclass

from core.query.expressions import Expression
from core.rules.action import Act, HandshakeAct
from core.rules.occasion import Groups
from core.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class ReadyRule:
    """A rule with its filter parsed and its actions built."""

    rule: Rule
    expression: Expression | None
    """None matches everything."""
    groups: Groups
    acts: tuple[Act, ...] = ()
    handshake_acts: tuple[HandshakeAct, ...] = ()
    only_redacts: bool = False
    """It hides secrets and does nothing else."""
    is_echo: bool = False
    """It sends each message back that its filter matches, and does nothing else."""
