"""How good answers are: metrics, calibration, risk–coverage curves, and their pictures."""
