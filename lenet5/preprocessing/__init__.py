"""Any image to the network's input, one stage per module.

The stages are decode, segmenter, normalization; `show` draws them. Pages have a segmenter of their own, in ocr/.
"""
