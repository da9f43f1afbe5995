"""A loopback world: originators of every temper, DNS, hosts, a clock that can run fast."""
