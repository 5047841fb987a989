"""Training: settings, the order of images, augmentation, the training loop, and the records of its progress."""
