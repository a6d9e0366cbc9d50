"""Can a model be had from the hub or its cache? Answered at once, not after a minute of retries."""

from __future__ import annotations

from huggingface_hub import HfApi, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

from upfit.errors import BackboneError
from upfit.models.packaged import PACKAGED

PATIENCE_SECONDS = 5.0


def require_reachable(repository: str, name: str, needed: str) -> None:
    """Raise `BackboneError` unless `needed` of `repository` is cached or the hub answers.

    Args:
        repository: The hub's `owner/name`.
        name: The backbone's name as the user gave it, for the message.
        needed: A file that a cached copy must have.
    """
    try:
        if isinstance(try_to_load_from_cache(repository, needed), str):
            return
        HfApi().model_info(repository, timeout=PATIENCE_SECONDS)
    except RepositoryNotFoundError as error:
        raise BackboneError(f"the hub has no model {repository!r} (or it is private)") from error
    except HfHubHTTPError as error:
        raise BackboneError(f"the hub refused {repository!r}: {error}") from error
    except (OSError, OfflineModeIsEnabled, ValueError) as error:
        raise _unreachable(name) from error
    except Exception as error:
        # The hub's client lets its HTTP library's own errors through, and which library varies.
        if any(kind.__name__ == "TransportError" for kind in type(error).__mro__):
            raise _unreachable(name) from error
        raise


def _unreachable(name: str) -> BackboneError:
    return BackboneError(
        f"{name} is not on this machine and the hub cannot be reached",
        expected="a network, or the model in the hub's cache, or the path of a local folder",
        hint="without any download: " + " or ".join(f"--model packaged:{one}" for one in PACKAGED),
    )
