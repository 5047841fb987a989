"""Training: settings, order of images, distortions, the loop, and what is known about its progress."""
