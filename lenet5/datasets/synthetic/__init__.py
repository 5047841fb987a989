"""Images with known truth, drawn by this program: digits, letters, other marks, numbers of several digits."""
