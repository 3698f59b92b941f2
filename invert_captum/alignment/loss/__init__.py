"""The harmonization loss: classify rightly, and look where people look."""
