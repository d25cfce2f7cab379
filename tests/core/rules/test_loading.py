"""What takes long to load is loaded where it is needed, not with the engine."""

from __future__ import annotations

import subprocess
import sys

from tests.tools.program import ROOT

SCRIPT = """
import sys
import core.net.engine, core.rules.actions.registry, core.rules.preview, core.rules.rule_file
print([name for name in ("lark", "jsonpath") if name in sys.modules])
"""


def test_the_engine_loads_no_parser() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == "[]\n"
