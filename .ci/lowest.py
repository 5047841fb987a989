"""Print the lowest versions that pyproject.toml allows, to run and to test, as a constraints file for pip."""

import tomllib
from pathlib import Path

pyproject = Path(__file__).resolve().parents[1] / "pyproject.toml"
project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
for requirement in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
    name, version = requirement.split(">=")
    print(f"{name}=={version}")
