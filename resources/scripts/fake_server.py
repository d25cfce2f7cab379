"""Stands in for a server that does not exist yet: a list of things to do, kept as long as this runs."""

from unmask_script import Connection, Message, reply

todos: list[str] = []


def on_open(connection: Connection) -> None:
    reply({"type": "welcome", "path": connection.path, "todos": todos})


def on_message(message: Message) -> None:
    match message.json:
        case {"type": "add", "text": str(text)}:
            todos.append(text)
            reply({"type": "added", "number": len(todos)})
        case {"type": "list"}:
            reply({"type": "todos", "todos": todos})
        case other:
            reply({"type": "error", "unknown": other})
