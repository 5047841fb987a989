"""The characters that numbers are written with."""

DIGITS = tuple("0123456789")
SEPARATORS = ".,-+"
SIGNS = "/()[]%$€£x:=#"
