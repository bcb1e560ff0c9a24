"""The conformance suite: a verdict, case by case, on any runtime and on any server that speak the Lambda Runtime API.

How the parts hang together: a *case* (`cases.py`) is a declaration and a judge. It needs one or more *scenarios*, which are played once
each: for the runtime mode on a `Stage` (`runtime_stage/`: a scripted Runtime API and the process under test), which leaves a `Run`, the
record of everything that was said, printed and done. The *runner* plays and judges; *reports* tell.

How to add a case to the runtime mode, in `runtime/<section>.py`:

    @scenario("three-counted")                       # only if no scenario there shows it already: scenarios are what costs time
    async def three_counted(stage: Stage) -> None:
        await stage.start()                          # the command, with _HANDLER=conf.main
        await stage.serve(op("counter"), op("counter"), op("counter"))

    @BOOT.case("RT-BOOT-005", "init-before-next", MUST, "D", refs=[CUSTOM], needs=[three_counted])
    def init_before_next(world: World, run: Run) -> None:
        \"\"\"Global code is finished, once, before the first next.     <- the requirement: one sentence

        What is done to see it, and what is accepted.                  <- shown by --explain
        \"\"\"
        results = [invocation.result for invocation in run.invocations]
        world.check(results == [1, 2, 3], "1, 2 and 3 from one process", results or run.story)

1. The scenario only plays and never judges; its steps (`stage.py`) do not raise when the runtime misbehaves or dies. A judge only looks
   at records, must cope with any record, an empty one included, and says by `world.check(holds, expected, actual)` what it misses.
2. What a broken runtime must not drag along is another case's business: check one thing, and name in `depends_on` the case without which
   this one cannot be judged (it is then *blocked*, not failed).
3. Where the source is unclear, every outcome it allows passes, and a comment names the clause.
4. Pages made of the cases: `python -m runtime_api.conformance.report.reference > docs/conformance/cases.md`.
5. Each case has a mutant in `tests/runtime_api/conformance/mutants/<section>.py`: the reference runtime with one defect, by which exactly
   that case fails among those that need the same scenarios: pytest tests/runtime_api/conformance/test_mutants.py -k RT-CTX
6. Ids are never changed or used again, and gaps stay. A case added after a revision was published names the next one.
7. New handlers or operations go into `handlers/` for every language, and into the testee contract in `docs/conformance/`.
"""
