"""Prints the oldest versions that pyproject.toml admits, as constraints for pip.

python .ci/oldest.py > oldest.txt && pip install -c oldest.txt '.[test]'
"""

import re
import tomllib
from pathlib import Path

TOOLS = ("mypy", "ruff", "coverage")  # of the repository, not of its users

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
for asked in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
    name, least = re.fullmatch(r"([\w-]+)>=([\w.]+)", asked).groups()
    if name not in TOOLS:
        print(f"{name}=={least}")
