"""What every room may use: files, threads, memory maps, kinds of files, boxes and tables of text."""
