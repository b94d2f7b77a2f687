"""The folders of the project and of its data."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("DATA_DIR", "").strip() or BASE_DIR / ".data").expanduser().resolve()
BUILT_IN = BASE_DIR / "built-in"
"""What the build of a container image makes beforehand: static files and compiled encoders."""
