"""All the cases on runtimes, in the order of the report."""

from __future__ import annotations

from runtime_api.conformance.cases import Catalogue
from runtime_api.conformance.runtime.boot import BOOT
from runtime_api.conformance.runtime.ctx import CTX
from runtime_api.conformance.runtime.err import ERR
from runtime_api.conformance.runtime.evt import EVT
from runtime_api.conformance.runtime.http import HTTP
from runtime_api.conformance.runtime.init import INIT
from runtime_api.conformance.runtime.life import LIFE
from runtime_api.conformance.runtime.lmi import LMI
from runtime_api.conformance.runtime.log import LOG
from runtime_api.conformance.runtime.next import POLLING
from runtime_api.conformance.runtime.resp import RESP
from runtime_api.conformance.runtime.snap import SNAP
from runtime_api.conformance.runtime.strm import STRM

RUNTIME_CASES = Catalogue([BOOT, INIT, POLLING, CTX, EVT, RESP, ERR, LIFE, HTTP, LOG, STRM, SNAP, LMI])
