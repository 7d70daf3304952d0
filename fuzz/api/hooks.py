"""What is said of each request besides: where it comes from, and that nobody locks themselves
out, or takes the zone away that all lookups need."""

import itertools
import os
from ipaddress import IPv4Address

import schemathesis
from schemathesis.openapi.checks import EnsureResourceAvailability

FIRST = int(IPv4Address("10.0.0.1"))

# The account that asks.
OWN = os.environ.get("PLENUM_FUZZ_OWN")
NOBODY = "f" * 32
# The zone that has room.
ZONE = os.environ.get("PLENUM_FUZZ_ZONE")
NO_ZONE = "no.zone"

_requests = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Everybody comes from an address of their own, or the limits for guesses would hide the
    rest. The directory believes it, as of a proxy."""
    case.headers["X-Forwarded-For"] = str(IPv4Address(FIRST + next(_requests)))
    # With another name or password there would be no signing in again.
    if OWN and case.method != "GET" and case.path_parameters.get("id") == OWN:
        case.path_parameters["id"] = NOBODY
    if ZONE and case.method != "GET" and case.path_parameters.get("zone") == ZONE:
        case.path_parameters["zone"] = NO_ZONE


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Nobody is not there, whoever was meant, and neither is no zone."""
    parameters = case.path_parameters
    redirected = (OWN and parameters.get("id") == NOBODY) or (ZONE and parameters.get("zone") == NO_ZONE)
    return not (redirected and isinstance(failure, EnsureResourceAvailability))
