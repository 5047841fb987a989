"""Models as people use them: LeNet-5, committees and cascades, out-of-distribution, loading."""
