"""Reports: one value, `Results`, and its renderings for people, for CI and for other programs."""
