"""Renews .ci/locks: what `run`, `dev` and `build` install, pinned, with the hashes for all platforms.

One resolution serves Python 3.11 to 3.13 on Linux, macOS and Windows. The files name packages, versions and
hashes, never where they come from: that is the business of each machine's pip.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / ".ci" / "locks"
RESOLVER = "uv>=0.9"
GROUPS = {"run": "setup", "dev": "dev", "build": "build"}
"""The lock file's name to its dependency group in pyproject.toml."""


def main() -> None:
    LOCKS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        tools = Path(folder) / ("Scripts" if os.name == "nt" else "bin")
        subprocess.run([tools / "python", "-m", "pip", "--quiet", "install", RESOLVER], check=True)
        earlier: list[str] = []
        for name, group in GROUPS.items():
            lock = f".ci/locks/{name}.txt"
            command = [
                str(tools / "uv"),
                "pip",
                "compile",
                "--quiet",
                "--upgrade",
                "pyproject.toml",
                "--group",
                group,
            ]
            command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate"]
            command += ["--no-emit-index-url", "--custom-compile-command", "make lock", "-o", lock, *earlier]
            subprocess.run(command, cwd=ROOT, check=True)
            earlier += ["--constraint", lock]
            sys.stdout.write(f"{lock}\n")


if __name__ == "__main__":
    main()
