"""Numbers of several digits: layout, grouping, over-segmentation, networks, and the search through a lattice."""
