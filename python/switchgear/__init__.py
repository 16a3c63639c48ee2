"""switchgear: an embeddable integration engine for industrial source systems (ERP, CMMS, WMS, MES)."""

from __future__ import annotations

try:
    from switchgear import _core
except ImportError as error:
    from switchgear._import_failure import explain

    raise ImportError(explain(error)) from error

from switchgear._core import Category, Secret

__version__ = _core.__version__

__all__ = ["Category", "Secret", "__version__"]
