"""The stage a runtime is put on: a scripted Runtime API, the process under test, and the record of what both did."""
