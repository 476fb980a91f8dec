-- What was accepted. One row per event, unique on its id alone (semantics 6): the one truth of its content and time.
create schema routing;

create table routing.event (
  event_id uuid primary key,
  accepted_at timestamptz not null,
  producer_id uuid not null,
  fingerprint text not null,
  audience json not null,
  category text not null,
  subtype text not null,
  severity text not null,
  lane text not null,
  content json not null,
  occurred_at timestamptz not null,
  expires_at timestamptz,
  -- Messages that this event must have; of a paged audience it grows with every published page.
  expected int not null,
  is_paged boolean not null default false,
  -- The record it came from: with repeats and dead records, every position below the finished one has exactly one row.
  topic text not null,
  partition int not null,
  record_offset bigint not null
) partition by hash (event_id);
do $$ begin
  for i in 0..7 loop
    execute format('create table routing.event_%s partition of routing.event for values with (modulus 8, remainder %s)', i, i);
  end loop;
end $$;
create index event_accepted on routing.event (accepted_at);

create table routing.repeat (
  topic text not null,
  partition int not null,
  record_offset bigint not null,
  event_id uuid not null,
  at timestamptz not null default now(),
  primary key (topic, partition, record_offset)
);

-- Audiences too large for one record (semantics 11): a page is published before its cursor moves.
create table routing.audience_page (
  event_id uuid primary key,
  lane text not null,
  accepted_at timestamptz not null,
  cursor_at timestamptz,
  cursor_id text not null default '',
  due_at timestamptz not null default now(),
  lease_until timestamptz,
  fence bigint not null default 0
);
create index audience_page_due on routing.audience_page (lane, due_at);

-- Sums per hour of acceptance, as deltas in the statement that writes the rows; folded later (semantics 32).
create table routing.ledger (
  hour timestamptz not null,
  kind text not null,
  count bigint not null
);
create index ledger_hour on routing.ledger (hour, kind);
