"""The pictures of the documentation, drawn from a real stack under load."""
