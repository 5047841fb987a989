"""Run folders: all that a training leaves behind."""
