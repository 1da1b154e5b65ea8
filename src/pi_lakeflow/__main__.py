"""``python -m pi_lakeflow``."""

from pi_lakeflow.cli import main

if __name__ == "__main__":
    main()
