"""All the cases on servers, in the order of the report."""

from __future__ import annotations

from runtime_api.conformance.cases import Catalogue
from runtime_api.conformance.server.asyn import ASYN
from runtime_api.conformance.server.conc import CONC
from runtime_api.conformance.server.err import ERR
from runtime_api.conformance.server.ext import EXT
from runtime_api.conformance.server.http import HTTP
from runtime_api.conformance.server.init import INIT
from runtime_api.conformance.server.invk import INVK
from runtime_api.conformance.server.next import POLLING
from runtime_api.conformance.server.resp import RESP
from runtime_api.conformance.server.strm import STRM
from runtime_api.conformance.server.tel import TEL
from runtime_api.conformance.server.time import TIME

SERVER_CASES = Catalogue([POLLING, RESP, ERR, INIT, TIME, HTTP, INVK, CONC, ASYN, STRM, EXT, TEL])
