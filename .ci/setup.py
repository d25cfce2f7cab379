"""Makes this checkout ready: system libraries, virtual environment, pinned packages, node modules.

    python3 .ci/setup.py run | dev | build

Does only what is missing; a stamp in .venv makes a repeated call a matter of milliseconds. System packages
come through apt-get where the user may install them (root, or sudo without a password); elsewhere the exact
command is printed and the exit status is 1. UNMASK_SKIP_SYSTEM=1 leaves the system alone.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCKS = ROOT / ".ci" / "locks"
NODE = ROOT / "tests" / "e2e" / "node"
GROUPS = ("run", "dev", "build")


class SetUpError(Exception):
    """Something that this script cannot do; the message is a sentence that says what to do."""


@dataclass(frozen=True)
class Need:
    """A thing of the system and the Debian package that brings it."""

    package: str
    libraries: tuple[str, ...] = ()
    """All of these must load."""
    commands: tuple[str, ...] = ()
    """One of these must be found."""
    fonts: tuple[str, ...] = ()
    """One of these patterns must match a font file."""

    def is_met(self) -> bool:
        return (
            all(_loads(name) for name in self.libraries)
            and (not self.commands or any(shutil.which(name) for name in self.commands))
            and (not self.fonts or any(_has_font(pattern) for pattern in self.fonts))
        )


QT_AND_TEXT = (
    Need("libglib2.0-0", libraries=("libglib-2.0.so.0", "libgthread-2.0.so.0")),
    Need("libgl1", libraries=("libGL.so.1",)),
    Need("libegl1", libraries=("libEGL.so.1",)),
    Need("libxkbcommon0", libraries=("libxkbcommon.so.0",)),
    Need("libfontconfig1", libraries=("libfontconfig.so.1",)),
    Need("libdbus-1-3", libraries=("libdbus-1.so.3",)),
    Need("libgssapi-krb5-2", libraries=("libgssapi_krb5.so.2",)),
    Need("libxkbcommon-x11-0", libraries=("libxkbcommon-x11.so.0",)),
    Need("libxcb-cursor0", libraries=("libxcb-cursor.so.0",)),
    Need("libxcb-icccm4", libraries=("libxcb-icccm.so.4",)),
    Need("libxcb-keysyms1", libraries=("libxcb-keysyms.so.1",)),
    Need("libxcb-shape0", libraries=("libxcb-shape.so.0",)),
    Need("libxcb-xkb1", libraries=("libxcb-xkb.so.1",)),
    Need("libxcb-randr0", libraries=("libxcb-randr.so.0",)),
    Need("fonts-dejavu-core", fonts=("DejaVuSans.ttf",)),
    Need("fonts-wqy-microhei", fonts=("wqy-*", "*CJK*")),
)
TEST_PEERS = (
    Need("xvfb", commands=("Xvfb",)),
    Need("openbox", commands=("openbox",)),
    Need("chromium", commands=("chromium", "chromium-browser", "google-chrome")),
    Need("nodejs", commands=("node",)),
    Need("npm", commands=("npm",)),
    Need("libatomic1", libraries=("libatomic.so.1",)),
    Need("tshark", commands=("tshark",)),
    Need("nginx-light", commands=("nginx", "/usr/sbin/nginx")),
    Need("fonts-noto-color-emoji", fonts=("*Emoji*",)),
)
FREEZER = (Need("binutils", commands=("objdump",)),)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _has_font(pattern: str) -> bool:
    folders = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
    return any(True for folder in folders for _ in folder.rglob(pattern))


def base_python() -> str:
    """The interpreter that stands behind this one when it runs inside a virtual environment."""
    return str(getattr(sys, "_base_executable", sys.executable))


def is_debian_python() -> bool:
    return sys.base_prefix == "/usr" and shutil.which("dpkg") is not None


def needs(group: str) -> Iterator[Need]:
    """What `group` needs of the system, met or not."""
    yield from QT_AND_TEXT
    if group == "dev":
        yield from TEST_PEERS
    if group == "build":
        yield from FREEZER
        if is_debian_python():
            library = sysconfig.get_config_var("INSTSONAME")
            yield Need(f"libpython3.{sys.version_info.minor}", libraries=(str(library),))


def missing_system_packages(group: str) -> list[str]:
    packages = [need.package for need in needs(group) if not need.is_met()]
    if is_debian_python() and not has_module("ensurepip"):
        packages.append(f"python3.{sys.version_info.minor}-venv")
    return packages


def has_module(name: str) -> bool:
    command = [base_python(), "-c", f"import {name}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def say(sentence: str) -> None:
    sys.stdout.write(f"== {sentence}\n")
    sys.stdout.flush()


def run(command: Sequence[str], *, attempts: int = 1, pause: float = 0.0, cwd: Path = ROOT) -> None:
    """Runs `command`, up to `attempts` times, `pause` seconds apart; SetUpError when all of them fail."""
    for attempt in range(1, attempts + 1):
        code = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, check=False).returncode
        if code == 0:
            return
        if attempt < attempts:
            say(f"that ended with status {code}; trying again in {pause:.0f} s")
            time.sleep(pause)
    raise SetUpError(f"`{shlex.join(command)}` ended with status {code}; what it printed above says why.")


def sudo_asks_nothing() -> bool:
    sudo = shutil.which("sudo")
    return (
        sudo is not None
        and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0
    )


def install_system_packages(packages: Sequence[str]) -> None:
    """apt-get install, patient with an apt that is busy elsewhere."""
    names = " ".join(packages)
    by_hand = f"apt-get update && apt-get install -y --no-install-recommends {names}"
    if shutil.which("apt-get") is None:
        raise SetUpError(
            f"the system lacks what Debian calls: {names}. There is no apt-get here: install the same with "
            "your own package manager and run this again, or set UNMASK_SKIP_SYSTEM=1 to go on without."
        )
    if os.geteuid() == 0:
        prefix = []
    elif sudo_asks_nothing():
        prefix = ["sudo", "-n"]
    else:
        raise SetUpError(
            "system packages are missing and you may not install them without a password. "
            f"Run this, then the same again:\n\n    sudo sh -c '{by_hand}'\n"
        )
    say(f"system packages: {names}")
    settings = ["-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *settings]
    try:
        run([*apt, "update"], attempts=10, pause=6)
    except SetUpError as error:
        say(f"{error} Going on with the package lists that are here.")
    run([*apt, "install", "-y", "--no-install-recommends", *packages], attempts=4, pause=15)


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def venv_is_usable() -> bool:
    """Whether .venv has a pip and is of the Python that runs this."""
    probe = "import sys, pip; print(sys.version_info[:3], sys.base_prefix)"
    try:
        found = subprocess.run([str(venv_python()), "-c", probe], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return found.returncode == 0 and found.stdout.strip() == f"{sys.version_info[:3]} {sys.base_prefix}"


def make_venv() -> None:
    if venv_is_usable():
        return
    if not has_module("ensurepip"):
        raise SetUpError(
            f"{base_python()} has no ensurepip and can make no virtual environment; "
            "name another with `make PYTHON=/path/to/python3 …`."
        )
    say(f"virtual environment: Python {sys.version.split()[0]} in .venv")
    run([base_python(), "-m", "venv", "--clear", str(VENV)])


def install_packages(group: str) -> None:
    say(f"packages: .ci/locks/{group}.txt")
    pip = [str(venv_python()), "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "install"]
    lock = str(LOCKS / f"{group}.txt")
    run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", lock], attempts=3, pause=10)
    run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])


def install_node_modules() -> None:
    say("node modules: tests/e2e/node")
    npm = shutil.which("npm")
    if npm is None:
        raise SetUpError("there is no npm; install Node.js with npm and run this again.")
    run([npm, "ci", "--ignore-scripts", "--loglevel=error"], attempts=3, pause=10, cwd=NODE)


def fingerprint(group: str) -> str:
    """Changes when anything changes that decides what is installed."""
    digest = hashlib.sha256(f"{sys.version_info} {sys.base_prefix}".encode())
    files = [Path(__file__), ROOT / "pyproject.toml", LOCKS / f"{group}.txt"]
    if group == "dev":
        files.append(NODE / "package-lock.json")
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def set_up(group: str) -> None:
    stamp = VENV / f".unmask-{group}"
    wanted = fingerprint(group)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    if sys.platform == "linux" and not os.environ.get("UNMASK_SKIP_SYSTEM"):
        packages = missing_system_packages(group)
        if packages:
            install_system_packages(packages)
    make_venv()
    install_packages(group)
    if group == "dev":
        install_node_modules()
    stamp.write_text(wanted)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("group", choices=GROUPS)
    try:
        set_up(parser.parse_args().group)
    except SetUpError as error:
        sys.stderr.write(f"\nset-up stopped: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
