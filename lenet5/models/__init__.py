"""Models as people use them: LeNet-5, committees and cascades, what is no digit."""
