"""How files are named and written, on this machine and on object stores."""
