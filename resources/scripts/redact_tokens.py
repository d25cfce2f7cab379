"""Keeps tokens and passwords out of the capture. What passes between the peers stays as it is.

Of a message that this could not look at in time, the capture has nothing at all.
"""

import re

from unmask_script import Message, redact

SECRET = re.compile(r'("(?:token|password|secret)"\s*:\s*")[^"]*')


def on_message(message: Message) -> None:
    if message.is_text:
        hidden = SECRET.sub(r"\1***", message.text)
        if hidden != message.text:
            redact(hidden)
