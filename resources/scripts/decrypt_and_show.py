"""Shows what encrypted messages say, as a note on their rows; what passes stays as it is.

The messages of this example are AES-GCM: twelve bytes of nonce, then the ciphertext.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from unmask_script import Message, note

KEY = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
NONCE_BYTES = 12


def on_message(message: Message) -> None:
    if message.is_text:
        return
    nonce, ciphertext = message.payload[:NONCE_BYTES], message.payload[NONCE_BYTES:]
    try:
        note(AESGCM(KEY).decrypt(nonce, ciphertext, None).decode("utf-8", "replace"))
    except (InvalidTag, ValueError):
        note("not encrypted with this key")
