from __future__ import annotations

from app.frames.empty_text import EmptyReason, empty_text


def test_every_reason_has_words_of_its_own() -> None:
    texts = [empty_text(reason, ("127.0.0.1:8080", "[::1]:8080"), 3) for reason in EmptyReason]
    assert len(set(texts)) == len({sentence for _, sentence in texts}) == len(EmptyReason)
    assert all(title and sentence.endswith(".") and "{" not in title + sentence for title, sentence in texts)


def test_addresses_and_hidden_frames_are_named() -> None:
    addresses = ("127.0.0.1:8080", "[::1]:8080")
    title, _ = empty_text(EmptyReason.LISTENING, addresses, 0)
    assert title == "Listening on ws://127.0.0.1:8080, ws://[::1]:8080"
    _, sentence = empty_text(EmptyReason.NOT_LISTENING, addresses, 0)
    assert sentence == "Press F5 to listen on 127.0.0.1:8080, then point a WebSocket client at it."
    assert [empty_text(EmptyReason.ONLY_CONTROL, addresses, count)[1] for count in (1, 2000)] == [
        "1 control frame is hidden. Ctrl+Shift+K shows it.",
        "2\u202f000 control frames are hidden. Ctrl+Shift+K shows them.",
    ]
