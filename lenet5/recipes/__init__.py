"""How the networks that ship are made anew: the only room where models meet generators of training data."""
