"""Makes one message in a hundred suffer: it is lost, comes late, comes twice, or comes broken."""

import random
from collections.abc import Callable

from unmask_script import Message, delay, drop, note, replace, send

CHANCE = 0.01


def lose(_message: Message) -> None:
    drop()


def stall(_message: Message) -> None:
    delay(random.uniform(0.5, 3.0))


def repeat(message: Message) -> None:
    send(message.text if message.is_text else message.payload)


def spoil(message: Message) -> None:
    broken = bytearray(message.payload)
    if broken:
        broken[random.randrange(len(broken))] ^= 0x01
    replace(broken.decode("utf-8", "replace") if message.is_text else broken)


FAULTS: tuple[Callable[[Message], None], ...] = (lose, stall, repeat, spoil)


def on_message(message: Message) -> None:
    if random.random() < CHANCE:
        fault = random.choice(FAULTS)
        note(f"chaos: {fault.__name__}")
        fault(message)
