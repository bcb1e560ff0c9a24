"""pilotlight.toml: functions, versions and aliases in the words of the flags."""
