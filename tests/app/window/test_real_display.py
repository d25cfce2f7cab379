"""The screen that real-window tests stand on."""

from __future__ import annotations

import subprocess
import sys

from tests.tools.display import Display

WINDOW = """
from PySide6.QtWidgets import QApplication, QLabel
application = QApplication([])
window = QLabel("你好")
window.show()
while not window.windowHandle().isExposed() or not window.isActiveWindow():
    application.processEvents()
print(application.platformName())
"""


def test_a_window_is_shown_and_becomes_active(xvfb: Display) -> None:
    """Only a window manager makes a window active, so this also shows that openbox is there."""
    command = [sys.executable, "-c", WINDOW]
    ended = subprocess.run(
        command, env=xvfb.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.stdout.strip(), ended.stderr, ended.returncode) == ("xcb", "", 0)
