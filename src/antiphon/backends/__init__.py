"""The world behind the ports: stores, sockets, keys."""
