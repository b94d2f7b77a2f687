"""Offline training of encoders.

`manage.py train_encoder` calls `recipe.train_encoder`; the other modules are private. They import
torch at the top, so import them inside the function that trains."""
