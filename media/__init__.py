"""Sound and pictures: decoded, encoded, and made or understood with the models of a device."""
