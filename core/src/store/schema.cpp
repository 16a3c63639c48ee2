#include "schema.hpp"

namespace switchgear::store_detail {

Migration connection_tables() {
  return {1,
          "connections and secrets",
          {
              R"(create table connections (id text primary key, connector text not null, config text not null, secrets text not null,
              auth text not null, network text not null, policies text not null, entities text not null, schedule text not null,
              timezone text not null, destination text not null, owner text not null check (owner in ('hub', 'file')), state text
              not null check (state in ('active', 'paused', 'disconnected')), version bigint not null, created_at bigint not null,
              updated_at bigint not null))",
              "create table secrets (name text primary key, key_id text not null, sealed text not null, updated_at bigint not null)",
          }};
}

Migration lease_tables() {
  return {2,
          "leases",
          {
              R"(create table leases (name text primary key, holder text not null, token bigint not null, ttl bigint not null,
              expires_at bigint not null))",
          }};
}

/// Claiming reads indexes that hold only what can be claimed, so its cost does not grow with what is queued, done or delayed.
Migration job_tables() {
  return {
      3,
      "jobs",
      {
          R"(create table job_limits (connection_id text primary key references connections (id) on delete cascade, max_running
              bigint not null check (max_running > 0)))",

          R"(create table jobs (id text primary key, connection_id text not null references connections (id), entity text not null,
              op text not null check (op in ('create', 'update', 'upsert', 'delete')), options text not null, rank bigint not null,
              not_before bigint not null, max_attempts bigint not null check (max_attempts > 0), state text not null check (state in
              ('queued', 'in_progress', 'paused', 'completed', 'failed', 'partial', 'cancelled')), runnable bigint not null check
              (runnable in (0, 1)), stopped bigint not null check (stopped in (0, 1)), wake_at bigint, accepting_until bigint,
              batches bigint not null, open_batches bigint not null check (open_batches between 0 and batches), records bigint not
              null, ok bigint not null check (ok >= 0), failed bigint not null check (failed >= 0), unknown bigint not null check
              (unknown >= 0), skipped bigint not null check (skipped >= 0), error_code text not null, error text not null,
              created_at bigint not null, started_at bigint, finished_at bigint, check (ok + failed + unknown + skipped <= records),
              check (runnable = 0 or state in ('queued', 'in_progress'))))",
          "create index jobs_runnable on jobs (rank, connection_id, id) where runnable = 1",
          "create index jobs_wake on jobs (wake_at) where wake_at is not null",
          "create index jobs_accepting on jobs (accepting_until) where accepting_until is not null",
          "create index jobs_finished on jobs (finished_at) where finished_at is not null",
          "create index jobs_connection on jobs (connection_id, id)",

          R"(create table job_batches (id {identity}, job_id text not null references jobs (id) on delete cascade, connection_id
              text not null, order_key text, state text not null check (state in ('queued', 'waiting', 'blocked', 'in_progress',
              'completed', 'cancelled')), first_index bigint not null, outcomes text not null, attempts bigint not null, maybe_sent
              bigint not null check (maybe_sent in (0, 1)), fence bigint not null, holder text not null, lease bigint not null,
              lease_until bigint not null, not_before bigint not null))",
          "create index job_batches_job on job_batches (job_id, first_index)",
          "create index job_batches_queued on job_batches (job_id, id) where state = 'queued'",
          "create index job_batches_waiting on job_batches (job_id, not_before) where state = 'waiting'",
          "create index job_batches_running on job_batches (connection_id) where state = 'in_progress'",
          "create index job_batches_lease on job_batches (lease_until) where state = 'in_progress'",
          "create index job_batches_blocked on job_batches (connection_id, order_key, id) where state = 'blocked'",
          R"(create index job_batches_ahead on job_batches (connection_id, order_key) where order_key is not null and state in
              ('queued', 'waiting', 'in_progress'))",

          // Apart from the rest, because a change of a row writes all of it.
          "create table job_payloads (batch_id bigint primary key references job_batches (id) on delete cascade, payload text not null)",

          // What is ok has no row: its letter in job_batches.outcomes says so.
          R"(create table job_outcomes (job_id text not null references jobs (id) on delete cascade, record_index bigint not null,
              batch_id bigint not null, outcome text not null check (outcome in ('failed', 'unknown', 'skipped')), category text not
              null, detail text not null, message text not null, hint text not null, retryable bigint not null check (retryable in
              (0, 1)), attempt bigint not null, at bigint not null, primary key (job_id, record_index)))",
      }};
}

/// What a status is made of lies in sync_connections and sync_entities, one row each, so that it costs the same after years of runs.
Migration sync_tables() {
  return {
      4,
      "syncs, runs and errors",
      {
          R"(create table runs (id text primary key, connection_id text not null references connections (id), state text not null check
              (state in ('queued', 'in_progress', 'completed', 'failed', 'partial', 'cancelled')), cause text not null, is_full bigint
              not null check (is_full in (0, 1)), holder text not null, destination text not null, started_at bigint not null,
              finished_at bigint, error text not null))",
          "create index runs_connection on runs (connection_id, id)",
          "create index runs_under_way on runs (id) where state = 'in_progress'",
          "create index runs_finished on runs (finished_at) where finished_at is not null",

          R"(create table run_entities (run_id text not null references runs (id) on delete cascade, entity text not null, state text not
              null check (state in ('queued', 'in_progress', 'completed', 'failed', 'partial', 'cancelled')), started_at bigint,
              finished_at bigint, mode text not null, watermark text not null, initial bigint not null check (initial in (0, 1)), counts
              text not null, error text not null, primary key (run_id, entity)))",

          R"(create table run_messages (run_id text not null references runs (id) on delete cascade, number bigint not null, at bigint not
              null, level text not null, entity text not null, message text not null, detail text not null, primary key (run_id,
              number)))",

          R"(create table sync_connections (connection_id text primary key references connections (id) on delete cascade, run_id text not
              null, state text not null, last_started_at bigint, last_finished_at bigint, last_success_at bigint, next_sync_at bigint,
              period bigint, failures bigint not null, error text not null))",
          "create index sync_connections_due on sync_connections (next_sync_at) where next_sync_at is not null",

          R"(create table sync_entities (connection_id text not null references connections (id) on delete cascade, entity text not null,
              run_id text not null, state text not null, last_success_at bigint, watermark text not null, counts text not null, error
              text not null, primary key (connection_id, entity)))",

          R"(create table errors (connection_id text not null references connections (id) on delete cascade, entity text not null, code text
              not null, error text not null, count bigint not null, first_at bigint not null, last_at bigint not null, run_id text not
              null, primary key (connection_id, entity, code)))",
          "create index errors_last on errors (last_at)",
      }};
}

Migration api_tables() {
  return {5,
          "api tokens and idempotency keys",
          {
              R"(create table api_tokens (id text primary key, name text not null, hash text not null unique, scope text not null check
              (scope in ('read', 'operate')), connections text, created_at bigint not null, expires_at bigint, revoked_at bigint,
              last_used_at bigint))",
              "create table api_settings (name text primary key, value text not null)",
              R"(create table idempotency_keys (owner text not null, key text not null, fingerprint text not null, status bigint not
              null, body text not null, begun_at bigint not null, primary key (owner, key)))",
              "create index idempotency_keys_begun on idempotency_keys (begun_at)",
          }};
}

/// What is due and what is open has an index of its own, so that a claim costs the same after years of deliveries. No row refers to an
/// endpoint by a key: that one is removed must not fail the transaction of whoever records an event at that moment.
Migration event_tables() {
  return {
      6,
      "events, endpoints and deliveries",
      {
          R"(create table events (number {identity}, id text not null unique, type text not null, connection_id text not null, occurred_at
              bigint not null, recorded_at bigint not null, body text not null, test bigint not null check (test in (0, 1))))",
          "create index events_recorded on events (recorded_at)",
          "create index events_connection on events (connection_id, number)",

          R"(create table endpoints (id text primary key, url text not null, events text not null, filter text not null, schedule text not
              null, ordered bigint not null check (ordered in (0, 1)), rate double precision not null check (rate >= 0), subnets text not
              null, ca_file text not null, owner text not null check (owner in ('hub', 'file')), state text not null check (state in
              ('enabled', 'disabled')), reason text not null, throttled_until bigint not null, paced_until bigint not null, version bigint
              not null, created_at bigint not null, updated_at bigint not null))",

          R"(create table deliveries (id {identity}, event_id text not null, endpoint_id text not null, state text not null check (state in
              ('pending', 'sending', 'delivered', 'retry', 'dead')), attempts bigint not null, due_at bigint, fence bigint not null,
              sender text not null, lease_until bigint, last_at bigint, status bigint not null, error text not null, response text not
              null, created_at bigint not null, finished_at bigint, unique (event_id, endpoint_id), check ((due_at is not null) = (state in
              ('pending', 'retry'))), check ((finished_at is not null) = (state in ('delivered', 'dead')))))",
          "create index deliveries_due on deliveries (endpoint_id, due_at, id) where due_at is not null",
          "create index deliveries_open on deliveries (endpoint_id, id) where finished_at is null",
          "create index deliveries_lease on deliveries (lease_until) where lease_until is not null",
          "create index deliveries_finished on deliveries (finished_at) where finished_at is not null",
          "create index deliveries_dead on deliveries (id) where state = 'dead'",

          R"(create table connection_reach (connection_id text primary key, reach text not null check (reach in ('online', 'offline',
              'auth_required')), since bigint not null, changes bigint not null))",
      }};
}

Migration inbox_tables() {
  return {7,
          "webhooks that come",
          {
              R"(create table inbox_senders (connection_id text primary key references connections (id) on delete cascade, settings text
              not null))",
              R"(create table inbox (connection_id text not null, id text not null, type text not null, occurred_at bigint, content_type
              text not null, encoding text not null check (encoding in ('', 'base64')), body text not null, data text not null,
              received_at bigint not null, state text not null check (state in ('waiting', 'in_progress', 'done', 'failed')), attempts
              bigint not null, fence bigint not null, due_at bigint, error text not null, primary key (connection_id, id)))",
              "create index inbox_due on inbox (due_at) where due_at is not null",
              "create index inbox_received on inbox (received_at)",
          }};
}

/// Steps and batches lie apart from the run's row, which every write renews the lease in.
Migration flow_tables() {
  return {
      8,
      "flows and rules",
      {
          R"(create table flows (name text primary key, event_type text not null, schedule text not null, timezone text not null, source
              text not null, next_at bigint, events_since bigint not null, events_after bigint not null))",
          "create index events_type on events (type, number)",

          R"(create table flow_runs (id text primary key, flow text not null, state text not null check (state in ('in_progress',
              'completed', 'failed', 'partial', 'cancelled')), cause text not null, params text not null, event_id text, event text not
              null, holder text not null, token bigint not null, lease bigint not null check (lease > 0), lease_until bigint not null,
              interrupted bigint not null check (interrupted in (0, 1)), started_at bigint not null, finished_at bigint, error text not
              null))",
          "create unique index flow_runs_event on flow_runs (flow, event_id) where event_id is not null",
          "create index flow_runs_flow on flow_runs (flow, id)",
          "create index flow_runs_under_way on flow_runs (lease_until) where state = 'in_progress'",
          "create index flow_runs_interrupted on flow_runs (id) where interrupted = 1",
          "create index flow_runs_finished on flow_runs (finished_at) where finished_at is not null",

          R"(create table flow_steps (run_id text not null references flow_runs (id) on delete cascade, name text not null, number bigint
              not null, state text not null check (state in ('in_progress', 'completed', 'failed')), attempts bigint not null, started_at
              bigint not null, finished_at bigint, result text not null, error text not null, primary key (run_id, name)))",

          R"(create table flow_batches (run_id text not null references flow_runs (id) on delete cascade, step text not null, number
              bigint not null, position bigint not null, in_flight bigint not null, digest text not null, left_over text not null, ok
              bigint not null, failed bigint not null, unknown bigint not null, skipped bigint not null, primary key (run_id, step,
              number)))",

          // Events of rules whose records are not committed yet, or whose process died before it could record them.
          R"(create table rule_events (connection_id text not null, entity text not null, id text not null, sequence bigint not null, type
              text not null, data text not null, primary key (connection_id, entity, id)))",

          R"(create table flow_messages (run_id text not null references flow_runs (id) on delete cascade, number bigint not null, at
              bigint not null, level text not null, step text not null, message text not null, detail text not null, primary key (run_id,
              number)))",
      }};
}

std::vector<Migration> all_migrations() {
  return {connection_tables(), lease_tables(), job_tables(), sync_tables(), api_tables(), event_tables(), inbox_tables(), flow_tables()};
}

}  // namespace switchgear::store_detail
