"""Any image to the network's input, one stage per module.

The stages are decode, segmenter, normalization; `show` draws them. Pages of numbers have a segmenter of their own, in ocr/.
"""
