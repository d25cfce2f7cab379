"""A script for Unmask. What it decides holds as soon as it is saved.

resources/docs/scripts.md tells more; unmask_script.pyi beside this file tells editors what there is.
"""

from unmask_script import Connection, Frame, Message, log


def on_open(connection: Connection) -> None:
    log(f"{connection} is open")


def on_message(message: Message) -> None:
    log(f"the {message.sender} says {message.text}")


def on_frame(frame: Frame) -> None:
    if frame.kind in ("ping", "pong"):
        log(f"a {frame.kind} of the {frame.sender}")


def on_close(connection: Connection) -> None:
    log(f"{connection} is over")
