"""Measurements of speed: what `lenet5 benchmark` measures, keeps, compares and draws."""
