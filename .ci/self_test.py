"""Lets the package in dist/unmask check itself, copied to where there are no sources: without a display, and on one.

    .venv/bin/python .ci/self_test.py [SCREENSHOTS]

SCREENSHOTS is a folder for the pictures; without it they are thrown away. The second round needs Xvfb and openbox,
which `make test` installs, and is left out, with a word, where they are missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "dist" / "unmask"
TIMEOUT_SECONDS = 120

sys.path.insert(0, str(ROOT))

from tests.tools.display import xvfb_with_openbox  # noqa: E402


def check(executable: Path, pictures: Path, environment: dict[str, str]) -> None:
    """Runs the self-test with a home of its own; CalledProcessError when it fails."""
    with tempfile.TemporaryDirectory() as home:
        clean = {
            name: value for name, value in environment.items() if not name.startswith(("PYTHON", "XDG_"))
        }
        command = [str(executable), "--self-test", str(pictures)]
        subprocess.run(command, cwd=home, env=clean | {"HOME": home}, check=True, timeout=TIMEOUT_SECONDS)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shutil.copytree(PACKAGE, place / "unmask", symlinks=True)
        executable = place / "unmask" / "unmask"
        pictures = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else place / "screenshots"
        try:
            print("-- without a display", flush=True)
            hidden = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}
            check(executable, pictures / "offscreen", hidden)
            if shutil.which("Xvfb") and shutil.which("openbox"):
                print("-- on a display", flush=True)
                with xvfb_with_openbox() as display:
                    check(executable, pictures / "xcb", display.environment)
            else:
                print("-- on a display: left out, Xvfb or openbox is missing", flush=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            print(f"self-test of the package: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
