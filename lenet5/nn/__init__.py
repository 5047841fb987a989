"""Networks: layers, architectures, parameters, scores, and the files that hold them."""
