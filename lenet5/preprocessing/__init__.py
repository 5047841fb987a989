"""Any picture to the network's input, one stage a module: decode, document, background, binarization, localization,
normalization; show draws them.
"""
