"""``python -m kiosk_agent``: the same as the command ``kiosk-agent``."""

from kiosk_agent.cli import app

if __name__ == "__main__":
    app()
