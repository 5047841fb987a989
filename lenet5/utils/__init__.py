"""What every room needs, and what knows none of them: files, threads, memory maps, kinds of files."""
