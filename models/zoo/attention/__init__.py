"""The transformers of the zoo: what they read, how they are trained (see
../train_transformers.py)."""
