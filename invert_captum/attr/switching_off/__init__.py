"""Neurons switched off, and what that does to a model."""
