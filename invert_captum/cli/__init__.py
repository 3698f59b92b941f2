"""The command line."""

from invert_captum.cli.app import app, main

__all__ = ["app", "main"]
