"""How soon a runtime has to end where it ought to, and how long it is watched for that."""

END_S = 2.0
# Long enough to see a process that does not end, or one that goes on after all.
WATCH_S = END_S + 0.5
