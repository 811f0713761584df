"""``python -m backend`` is the command ``quantum-trader``."""

from backend.cli.main import main

main()
