-- What time-driven work keeps: who does it, what it has looked at, and what it found missing.
create schema scheduler;

-- One process at a time does a duty; the lease only saves work: every duty is safe to run twice.
create table scheduler.duty (
  name text primary key,
  holder uuid not null,
  held_until timestamptz not null
);

-- Positions of event.accepted below `next_offset` were compared with the rows (semantics 32).
create table scheduler.compared (
  topic text not null,
  partition int not null,
  next_offset bigint not null,
  primary key (topic, partition)
);

-- Positions that were finished without a row, from `from_offset` to below `to_offset`.
create table scheduler.position_gap (
  topic text not null,
  partition int not null,
  from_offset bigint not null,
  to_offset bigint not null,
  found_at timestamptz not null default now(),
  primary key (topic, partition, from_offset)
);

-- Events and deliveries that were published again, so that what never arrives is not published for ever.
create table scheduler.redriven (
  id uuid primary key,
  times int not null,
  at timestamptz not null
);
create index redriven_at on scheduler.redriven (at);

-- Days of deliveries whose providers' texts are being removed, and how far that is.
create table scheduler.text_sweep (
  day date primary key,
  sweeps int not null default 0,
  after uuid not null default '00000000-0000-0000-0000-000000000000'
);

-- Of what was accepted longest ago and not found stored, called missing or not.
alter table delivery.reconciliation add column oldest_absent_at timestamptz;
-- What was told last: failing, disabled or works.
alter table delivery.failure_told add column kind text not null default 'failing';

create index event_position on routing.event (topic, partition, record_offset);
create index repeat_at on routing.repeat (at);
create index dead_record_open on bus.dead_record (topic, reason) where redriven_at is null;

-- Messages of a large event are compared in slices.
drop index inbox.message_event;
create index message_event on inbox.message (event_id, message_id);
create index message_tombstone on inbox.message (deleted_at) where deleted_at is not null;
create index message_hidden on inbox.message (account_id, seq) where hidden;

-- Deltas come by the hundred and are folded every few seconds.
alter table routing.ledger set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
alter table delivery.ledger set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
