"""``python -m pi_lakeflow``."""

from pi_lakeflow.cli import main

main()
