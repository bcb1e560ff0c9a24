"""Mutants of SNAP."""

from .featured import FeaturedRuntime
from .reference import mutant


@mutant("RT-SNAP-001")
class AlwaysSnapshot(FeaturedRuntime):
    """It waits for a restore that nobody makes."""

    def makes_snapshot(self) -> bool:
        return True


@mutant("RT-SNAP-002")
class ReportsAsInit(FeaturedRuntime):
    """It reports a hook that fails after the restore as one that fails before."""

    def restore_failed(self, error: Exception) -> None:
        self.load_failed(error)
