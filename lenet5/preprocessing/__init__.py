"""Any image to the network's input, one stage per module.

The stages are decode, segmenter, normalization; `show` draws them. Background, binarization, ruled_lines and sheets are
those of pages of numbers.
"""
