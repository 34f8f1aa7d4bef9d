"""What each command does with its arguments; `app.py` names them."""
