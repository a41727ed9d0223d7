"""What may be asked for: the configuration's schema, grids, options, registries. No torch here."""
