"""Photographs with cut-outs pasted at known places, to see whether an attribution finds them."""
