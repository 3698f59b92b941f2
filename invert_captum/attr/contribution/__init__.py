"""A prediction split over the labelled neurons of a layer."""
