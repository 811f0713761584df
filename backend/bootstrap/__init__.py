"""The one place that puts adapters into services.

``Runtime`` is what one program runs: settings, venues, health, journal, router. The specified facades reach the default
runtime of the running event loop through ``default_runtime``; a program that wants its own uses ``open_router`` or
``open_runtime``. Everything heavy (ccxt, aiohttp, prometheus_client, pydantic) is imported when it is first needed.
"""

from backend.bootstrap.default import (
    choose_exchange,
    current_runtime,
    default_runtime,
    execution_adapter,
    limit_decision,
    live_health,
    open_router,
    open_runtime,
    process_telemetry,
    using,
)
from backend.bootstrap.journals import (
    acknowledge_account,
    back_up_journal,
    confirm_journal,
    export_file,
    export_journal,
    recent_orders,
    resolve_order,
    restore_journal,
    stored_order,
    unresolved_until,
    verify_journal,
)
from backend.bootstrap.parts import (
    checked,
    emulated_rules,
    environment_names,
    fresh_id,
    http_transport,
    journal_path,
    open_journal,
    read_settings,
    scaled_clock,
    seeded_ids,
    system_clock,
)
from backend.bootstrap.runtime import Runtime
from backend.bootstrap.serving import (
    cancel_once,
    running_router,
    serving,
    stored_events,
    submit_once,
    venue_documents,
)
from backend.bootstrap.sweeping import sweep_venues

__all__ = [
    "Runtime",
    "acknowledge_account",
    "back_up_journal",
    "cancel_once",
    "checked",
    "choose_exchange",
    "confirm_journal",
    "current_runtime",
    "default_runtime",
    "emulated_rules",
    "environment_names",
    "execution_adapter",
    "export_file",
    "export_journal",
    "fresh_id",
    "http_transport",
    "journal_path",
    "limit_decision",
    "live_health",
    "open_journal",
    "open_router",
    "open_runtime",
    "process_telemetry",
    "read_settings",
    "recent_orders",
    "resolve_order",
    "restore_journal",
    "running_router",
    "scaled_clock",
    "seeded_ids",
    "serving",
    "stored_events",
    "stored_order",
    "submit_once",
    "sweep_venues",
    "system_clock",
    "unresolved_until",
    "using",
    "venue_documents",
    "verify_journal",
]
