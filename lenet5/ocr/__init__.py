"""Numbers of several digits: lines, marks, segments, networks, and the search through a lattice."""
