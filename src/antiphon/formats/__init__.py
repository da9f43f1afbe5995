"""One module a standard: parse and print, no I/O."""
