"""How the networks that ship are made anew: the only room where models meet generators of training data.

    python -m lenet5.recipes.digits --out mnist.safetensors     the model that `lenet5 predict` uses
    python -m lenet5.recipes.ocr --out strings.safetensors      the networks that `lenet5 read` uses
    python -m lenet5.recipes.ood --out judge.safetensors        the network that rejects what is no digit

The same command gives the same file, bit for bit, on one machine. `--help` lists the settings of a recipe; `--small`
tries it in seconds. From Python: ``digits.make(digits.Settings(epochs=20)).save("mnist.safetensors")``.
"""
