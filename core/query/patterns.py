"""What the text of a regular expression on bytes tells about its matches, for searching many payloads at once."""

from __future__ import annotations

import re

_LOCAL = re.compile(
    r"""(?:\(\?[is]+\))?(?:
        [\w\s/@\#%&=:;<>,"'`~!-]                # itself
      | \\[.\\/\[\](){}+*?^$|dws-]           # itself, or a kind of character
      | \\x[0-9a-fA-F]{2}
      | \.
      | \((?:\?:|(?!\?)) | \) | \|
      | \[\^?(?:[\w\s/@\#%&=:;<>,"'`~!.+*?(){}|$-]|\\[.\\/\[\]dws^-])+\]
      | \{\d{1,2}(?:,\d{1,2})?\}(?![?+])
      | \?(?![?+])
    )*""",
    re.VERBOSE,
)
_PIECE = re.compile(
    rb"""\\x(?P<hex>[0-9a-fA-F]{2})
      | \\(?P<escaped>[^0-9A-Za-z])
      | \\(?:[0-9]{1,3}|.)
      | (?P<set>\[\^?\]?(?:[^\]\\]|\\.)*\])
      | (?P<bracket>[()])
      | (?P<either>\|)
      | (?P<optional>[*?]|\{[0-9]*,?[0-9]*\})
      | (?P<plus>\+)
      | [.^$\[{]
      | (?P<itself>.)""",
    re.VERBOSE | re.DOTALL,
)
_LEADING_FLAGS = re.compile(rb"\(\?[a-zA-Z]+\)")


def is_local(pattern: str) -> bool:
    """Whether the pattern's matches have a bounded length and depend on nothing around them.

    The answer is cautious and follows from the text: no anchors, no look-around, no `*` and `+`, nothing possessive or
    lazy.
    """
    return _LOCAL.fullmatch(pattern) is not None


def required(pattern: re.Pattern[bytes]) -> tuple[bytes, ...]:
    """Bytes that occur in every match, longest first (with re.IGNORECASE in lower case).

    The answer is cautious; it considers only the text outside of brackets.
    """
    text = pattern.pattern
    if pattern.flags & (re.VERBOSE | re.LOCALE) or b"(?#" in text:
        return ()
    leading = _LEADING_FLAGS.match(text)
    runs, depth = [bytearray()], 0
    for piece in _PIECE.finditer(text, 0 if leading is None else leading.end()):
        match piece.lastgroup:
            case "bracket":
                depth += 1 if piece[0] == b"(" else -1
            case "either" if depth == 0:
                return ()
        if depth == 0:
            _go_on(runs, piece)
    found = {bytes(run.lower() if pattern.flags & re.IGNORECASE else run) for run in runs if run}
    return tuple(sorted(found, key=lambda run: (-len(run), run)))


def _go_on(runs: list[bytearray], piece: re.Match[bytes]) -> None:
    """Add a piece from outside of brackets to the last run, or end that run."""
    match piece.lastgroup:
        case "itself":
            runs[-1] += piece[0]
        case "escaped":
            runs[-1] += piece["escaped"]
        case "hex":
            runs[-1].append(int(piece["hex"], 16))
        case "optional":
            # The quantifier applies to the byte before it.
            del runs[-1][-1:]
            runs.append(bytearray())
        case _:
            runs.append(bytearray())
