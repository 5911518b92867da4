"""Failures of calls of AWS services that boto3 ended without a response."""

from pinterest_platform.failures import PermanentFailure, PlatformFailure
from pinterest_platform.network_errors import network_failure


def unreachable(service: str, error: Exception) -> PlatformFailure:
    """Return the failure of an AWS service that was not reached, or of a call that boto3 refused to make.

    Args:
        service: the service and its address, such as `S3 at http://127.0.0.1:9090`.
        error: the error of boto3 or of the socket.
    """
    return network_failure(error, service) or PermanentFailure(
        f"{service} cannot be called: {str(error).rstrip('.')}.", "Correct the setting of AWS that it names."
    )
