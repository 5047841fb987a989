"""Recipes that train the shipped networks anew: only here models meet generators of training data.

    python -m lenet5.recipes.digits --out mnist.safetensors     the model that `lenet5 predict` uses
    python -m lenet5.recipes.ocr --out strings.safetensors      the networks that `lenet5 read` uses
    python -m lenet5.recipes.ood --out judge.safetensors        the network that rejects images without a digit

The same command gives the same file, bit for bit, on one machine. `--help` lists a recipe's settings, and `--small`
tries it in seconds. From Python: ``digits.make(digits.Settings(epochs=20)).save("mnist.safetensors")``.
"""
