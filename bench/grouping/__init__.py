"""The open grouping bench: gold by construction, silver on real mail, peers in the same run, one page at the end."""
