"""Any image to the network's input, one stage per module.

The stages are decode, document, background, binarization, localization, normalization; `show` draws them.
"""
