"""Runs mitmproxy as a reverse proxy, and prints its port as the other servers do.

python -m tests.bench.mitm MITMDUMP PORT
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time

_START_SECONDS = 30.0


def main() -> None:
    mitmdump, target = sys.argv[1:]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if os.fork() == 0:
        _wait_for(port)
        print(port, flush=True)
        os._exit(0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    mode = f"reverse:http://127.0.0.1:{target}@127.0.0.1:{port}"
    # So that whoever ends this process ends mitmproxy.
    os.execv(mitmdump, [mitmdump, "--quiet", "--mode", mode])


def _wait_for(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise RuntimeError(f"mitmproxy does not listen on port {port}")


if __name__ == "__main__":
    main()
