"""Activation functions for rules that act on modules: what runs, and equivalents in a copy."""
