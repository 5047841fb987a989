"""Numbers of several digits: found in a picture, cut up, read, and composed to train on."""
