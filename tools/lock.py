"""Write hashes.txt: each package that set-up installs, with the SHA-256 of its files.

    pip install uv
    python tools/lock.py

Run it when pyproject.toml or constraints.txt changes. The versions are those of constraints.txt.
The list is for every system and Python that the labs support; pip chooses what fits a machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
GROUPS = ("", "test", "classroom")
#: torch and what only its builds for a GPU bring: they differ by machine, and set-up asks for
#: torch's exact version when everything else is here
LEFT_OUT = re.compile(r"(torch|triton|nvidia|cuda)\b")
HEAD = """\
# Made by tools/lock.py. Each package that set-up installs with pip, in the version of
# constraints.txt, and the SHA-256 of every file that pip may take for it. torch is not here:
# its builds differ by machine.
"""


def compile_group(group: str) -> dict[str, str]:
    """Name of a package → its line, for the labs alone or with a group of pyproject.toml."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "-c", "constraints.txt"),
        *("--universal", "--generate-hashes", "--no-annotate", "--no-header", "--quiet"),
        *("--python-version", "3.11", *(["--extra", group] if group else [])),
    ]
    text = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    lines = re.sub(r" \\\n +", " ", text).splitlines()
    named = {line.split("==")[0]: line for line in lines if "==" in line}
    return {name: line for name, line in named.items() if not LEFT_OUT.match(name)}


def main() -> None:
    written: dict[str, str] = {}
    text = HEAD
    for group in GROUPS:
        new = {n: line for n, line in compile_group(group).items() if written.get(n) is None}
        written |= new
        text += f"\n# {group or 'labs'}\n" + "\n".join(new.values()) + "\n"
    (PROJECT / "hashes.txt").write_text(text, "utf-8")
    print(f"hashes.txt: {len(written)} packages, {text.count('--hash')} files")


if __name__ == "__main__":
    main()
