"""Runs mitmproxy as a reverse proxy, and prints its port as the other servers do.

python -m tests.bench.mitm MITMDUMP PORT
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time

_START_SECONDS = 30.0


def main() -> None:
    mitmdump, target = sys.argv[1:]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [mitmdump, "--quiet", "--mode", f"reverse:http://127.0.0.1:{target}@127.0.0.1:{port}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            print(port, flush=True)
            # The end of standard input is what ends it.
            sys.stdin.read()
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise RuntimeError(f"mitmproxy does not listen on port {port}")


if __name__ == "__main__":
    main()
