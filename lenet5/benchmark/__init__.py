"""How fast this machine trains and predicts: what `lenet5 benchmark` measures, keeps, compares and draws."""
