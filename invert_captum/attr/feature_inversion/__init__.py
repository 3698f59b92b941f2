"""Guided Feature Inversion (Du et al., KDD 2018): the region of a picture that a network keeps."""
