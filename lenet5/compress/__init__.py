"""Smaller models of trained ones, measured beside them."""
