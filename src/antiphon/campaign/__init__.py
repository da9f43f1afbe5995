"""What arrived: reports, sightings, fingerprints, campaigns."""
