"""How the networks of the zoo are described, trained and exported (see train.py)."""
