"""Quality of answers: metrics, calibration, risk-coverage curves, and their plots."""
